//! What the race decides, shown by the news that two engines could report.

use super::*;
use crate::page::state::{Curves, Run};
use kindling_core::config::NetworkConfig;
use kindling_core::protocol::RunId;

const MACHINE: Option<MachineKey> = Some(MachineKey::TEST);
const CPU: EngineKind = EngineKind::Cpu;
const GPU: EngineKind = EngineKind::Webgpu;

/// The run's engine takes 10 ms a step.
const OWN_MS: f64 = 10.0;
const LOSSES: [f32; 4] = [2.0, 1.5, 1.2, 1.0];

fn config() -> RunConfig {
    let network = NetworkConfig::new("Small", vec![]);
    RunConfig::new("mnist", network)
}

fn checkpoint() -> Box<Checkpoint> {
    let run = Run::new(RunId(3), config());
    Box::new(Checkpoint { run, curves: Curves::default(), step: 41, bytes: vec![1, 2].into() })
}

fn failure() -> Failure {
    Failure::new(FailureKind::GpuError, "a shader was refused")
}

/// A race, and the clocks of both engines.
struct World {
    race: Race,
    own_ms: f64,
    challenger_ms: f64,
    remaining_ms: f64,
}

impl World {
    /// A run begins on the CPU.
    fn new() -> Self {
        Self::on(CPU)
    }

    fn on(own: EngineKind) -> Self {
        let mut race = Race::default();
        race.reset(MACHINE);
        race.begin(&config(), own, true);
        Self { race, own_ms: 0.0, challenger_ms: 0.0, remaining_ms: 1e6 }
    }

    /// The run reports these losses.
    fn own(&mut self, losses: &[f32]) -> Next {
        self.own_ms += losses.len() as f64 * OWN_MS;
        let (elapsed_ms, remaining_ms) = (self.own_ms, self.remaining_ms);
        self.race.hear(News::Progress { losses: losses.to_vec(), elapsed_ms, remaining_ms })
    }

    /// The challenger reports these losses, of steps that took so long each.
    fn challenger(&mut self, losses: &[f32], ms: f64) -> Next {
        self.challenger_ms += losses.len() as f64 * ms;
        let news = ChallengerNews::Progress { losses: losses.to_vec(), elapsed_ms: self.challenger_ms };
        self.race.hear(News::Challenger(news))
    }

    /// The run trains until its engine is timed. Returns what follows its last report.
    fn time(&mut self) -> Next {
        let reports = (0..17).map(|_| self.own(&[2.3; 10]));
        reports.reduce(|before, next| if before == Next::Nothing { next } else { before }).unwrap_or(Next::Nothing)
    }

    /// The challenger was called.
    fn entered(own: EngineKind) -> Self {
        let mut world = Self::on(own);
        assert_eq!(world.time(), Next::Call);
        let enter = Next::Enter { checkpoint: checkpoint(), limit_ms: LIMIT_MS };
        assert_eq!(world.race.hear(News::Checkpoint(checkpoint())), enter);
        assert_eq!(world.race.state(), RaceState::UnderWay { challenger: other_device(own) });
        world
    }

    /// Both have trained the same steps with the same losses, and the run is asked to stand still.
    fn agreed() -> Self {
        let mut world = Self::entered(CPU);
        assert_eq!(world.own(&LOSSES), Next::Nothing);
        assert_eq!(world.challenger(&LOSSES[..1], 5.0), Next::Nothing);
        assert_eq!(world.challenger(&[LOSSES[1], LOSSES[2], LOSSES[3], 0.9], 5.0), Next::Nothing);
        assert_eq!(world.challenger(&[0.8; 200], 5.0), Next::Hold);
        world
    }

    /// The run stands still.
    fn held() -> Self {
        let mut world = Self::agreed();
        assert_eq!(world.own(&[0.9; 3]), Next::Nothing);
        let limit_ms = 1_500.0 + 6.0 * OWN_MS;
        assert_eq!(world.race.hear(News::Held), Next::Measure { limit_ms });
        // Part of it was computed beside the run.
        assert_eq!(world.challenger(&[0.8; 20], 50.0), Next::Nothing);
        world
    }

    /// The challenger is timed with so many milliseconds per step.
    fn settle(&mut self, ms: f64) -> Next {
        (0..4).for_each(|_| assert_eq!(self.challenger(&[0.7; 20], ms), Next::Nothing));
        self.challenger(&[0.7; 20], ms)
    }
}

fn measured(gpu: StepTime, has_moved: bool) -> RaceState {
    RaceState::Measured { times: StepTimes { cpu: StepTime::Exactly(OWN_MS), gpu }, has_moved }
}

#[test]
fn a_run_moves_where_the_challenger_is_a_fifth_faster() {
    let mut world = World::held();
    assert_eq!(world.settle(8.0), Next::Prepare);
    assert_eq!(world.race.hear(News::Checkpoint(checkpoint())), Next::Move(checkpoint()));
    assert_eq!(world.race.state(), measured(StepTime::Exactly(8.0), true));
    assert!(!world.race.is_under_way());
    // In its new engine it is not raced again.
    assert_eq!(world.time(), Next::Nothing);
    assert_eq!(world.race.hear(News::Checkpoint(checkpoint())), Next::Nothing);
}

#[test]
fn a_run_stays_where_the_challenger_is_hardly_faster() {
    let mut world = World::held();
    assert_eq!(world.settle(8.5), Next::Stay);
    assert_eq!(world.race.state(), measured(StepTime::Exactly(8.5), false));
    assert_eq!(world.race.better_device(&config(), CPU), None);
    assert_eq!(world.race.better_device(&config(), GPU), None, "nor is that reason enough to leave the GPU");
}

#[test]
fn the_verdict_is_remembered_for_the_network_and_its_batch_size() {
    let mut world = World::held();
    assert_eq!(world.race.take_unsaved(), None);
    world.settle(2.0);
    let verdicts = world.race.take_unsaved().unwrap();
    assert_eq!(world.race.take_unsaved(), None);

    let mut next_visit = Race::new(verdicts);
    next_visit.reset(MACHINE);
    let same = RunConfig { seed: 9, ..config() };
    assert_eq!(next_visit.better_device(&same, CPU), Some(GPU));
    assert_eq!(next_visit.better_device(&same, GPU), None);
    assert_eq!(next_visit.latest_winner(MachineKey::TEST), Some(GPU));
    next_visit.begin(&same, GPU, true);
    assert_eq!(next_visit.state(), measured(StepTime::Exactly(2.0), false));
    let mut world = World { race: next_visit, own_ms: 0.0, challenger_ms: 0.0, remaining_ms: 1e6 };
    assert_eq!(world.time(), Next::Nothing, "a known network is not raced");

    let other = RunConfig { batch_size: 7, ..config() };
    assert_eq!(world.race.better_device(&other, CPU), None);
    world.race.begin(&other, GPU, true);
    assert_eq!(world.time(), Next::Call);
}

#[test]
fn a_challenger_that_is_much_slower_is_not_waited_for() {
    let mut world = World::held();
    assert_eq!(world.race.hear(News::TimeIsUp), Next::Stay);
    // 20 steps, and perhaps two more, in 1,560 ms.
    let RaceState::Measured { times, has_moved: false } = world.race.state() else { panic!() };
    assert_eq!(times.cpu, StepTime::Exactly(OWN_MS));
    assert!(matches!(times.gpu, StepTime::AtLeast(ms) if (ms - 1_560.0 / 22.0).abs() < 1e-9), "{times:?}");
}

#[test]
fn a_challenger_that_was_interrupted_has_neither_won_nor_lost() {
    let mut world = World::held();
    world.challenger(&[0.7; 400], 1.0);
    assert_eq!(world.race.hear(News::TimeIsUp), Next::Stay);
    assert_eq!((world.race.state(), world.race.take_unsaved()), (RaceState::Open, None));
}

#[test]
fn a_challenger_that_never_answers_is_given_up() {
    let mut world = World::entered(CPU);
    assert_eq!(world.race.hear(News::TimeIsUp), Next::Stay);
    assert!(matches!(world.race.state(), RaceState::Failed { challenger: GPU, .. }));
    world.race.begin(&config(), CPU, true);
    assert_eq!(world.time(), Next::Nothing);
    assert!(matches!(world.race.state(), RaceState::Failed { .. }), "and the reason stays in view");
}

#[test]
fn a_run_that_is_too_slow_for_a_comparison_blames_nobody() {
    let mut world = World::entered(CPU);
    world.challenger(&LOSSES, 5.0);
    assert_eq!(world.race.hear(News::TimeIsUp), Next::Stay);
    assert_eq!(world.race.state(), RaceState::Open);
}

#[test]
fn a_run_that_does_not_stand_still_is_no_longer_raced() {
    let mut world = World::agreed();
    assert_eq!(world.race.hear(News::TimeIsUp), Next::Stay);
    assert_eq!(world.race.state(), RaceState::Open);
}

#[test]
fn a_challenger_that_fails_leaves_the_run_alone() {
    for mut world in [World::entered(CPU), World::agreed(), World::held()] {
        assert_eq!(world.race.hear(News::Challenger(ChallengerNews::Failed(failure()))), Next::Stay);
        assert_eq!(world.race.state(), RaceState::Failed { challenger: GPU, failure: failure() });
        assert_eq!(world.race.better_device(&config(), CPU), None);
    }
    let mut world = World::held();
    world.settle(2.0);
    assert_eq!(world.race.hear(News::Challenger(ChallengerNews::Failed(failure()))), Next::Stay);
    assert_eq!(world.race.hear(News::Checkpoint(checkpoint())), Next::Nothing);
}

#[test]
fn a_network_that_does_not_fit_the_challenger_does_not_end_other_races() {
    let mut world = World::entered(CPU);
    let failure = Failure::new(FailureKind::OutOfMemory, "a layer's output is too large");
    let failed = News::Challenger(ChallengerNews::Failed(failure.clone()));
    assert_eq!(world.race.hear(failed), Next::Stay);
    assert_eq!(world.race.state(), RaceState::Failed { challenger: GPU, failure });
    world.race.begin(&RunConfig { batch_size: 7, ..config() }, CPU, true);
    assert_eq!(world.time(), Next::Call);
}

#[test]
fn a_challenger_with_other_losses_never_wins() {
    for wrong in [1.2 * 1.003, f32::NAN] {
        let mut world = World::entered(GPU);
        world.challenger(&[LOSSES[0], LOSSES[1], wrong, LOSSES[3]], 0.1);
        assert_eq!(world.own(&LOSSES), Next::Stay);
        let RaceState::Differs { cpu, gpu } = world.race.state() else { panic!() };
        assert_eq!((cpu.to_bits(), gpu), (wrong.to_bits(), LOSSES[2]));
        world.race.begin(&config(), GPU, true);
        assert_eq!(world.time(), Next::Nothing);
    }
}

#[test]
fn rounding_is_no_difference() {
    let mut world = World::entered(CPU);
    world.own(&LOSSES);
    let rounded = LOSSES.map(|loss| loss * 1.001);
    assert_eq!(world.challenger(&rounded, 5.0), Next::Nothing);
    assert_eq!(world.challenger(&[0.8; 200], 5.0), Next::Hold);
}

#[test]
fn updates_are_compared_where_gradients_accumulate() {
    let mut race = Race::default();
    race.reset(MACHINE);
    let config = RunConfig { batches_per_update: 8, ..config() };
    race.begin(&config, CPU, true);
    assert_eq!(race.heat.unwrap().n_compared, 10);
}

#[test]
fn short_runs_are_not_raced_nor_are_those_without_checkpoints_or_a_second_device() {
    let mut world = World { remaining_ms: MIN_REMAINING_MS - 1.0, ..World::new() };
    assert_eq!(world.time(), Next::Nothing);
    world.remaining_ms = MIN_REMAINING_MS;
    assert_eq!(world.own(&[2.0]), Next::Call, "it has become a long one");

    let mut world = World::new();
    world.race.begin(&config(), CPU, false);
    assert_eq!(world.time(), Next::Nothing);

    let mut world = World::new();
    world.race.reset(None);
    world.race.begin(&config(), CPU, true);
    assert_eq!((world.time(), world.race.state()), (Next::Nothing, RaceState::Off));
}

#[test]
fn a_run_that_is_paused_or_changed_is_raced_again() {
    let mut world = World::new();
    assert_eq!(world.race.interrupt(), Next::Nothing, "its own steps are still timed");
    assert_eq!(world.time(), Next::Call);
    assert_eq!(world.race.interrupt(), Next::Nothing);
    assert_eq!(world.race.hear(News::Checkpoint(checkpoint())), Next::Nothing, "it may lack the change");

    let mut won = World::held();
    won.settle(2.0);
    for mut world in [World::entered(CPU), World::agreed(), World::held(), won] {
        assert_eq!(world.race.interrupt(), Next::Stay);
        assert!(!world.race.is_under_way());
        assert_eq!(world.race.hear(News::Held), Next::Nothing);
        assert_eq!(world.race.hear(News::TimeIsUp), Next::Nothing);
        assert_eq!(world.time(), Next::Call);
    }
}

#[test]
fn a_run_that_ends_ends_the_race() {
    let mut world = World::held();
    assert_eq!(world.race.hear(News::Ended), Next::Stay);
    assert_eq!(world.race.hear(News::TimeIsUp), Next::Nothing);

    let mut world = World::new();
    world.time();
    assert_eq!(world.race.abandon(), Next::Nothing);
    assert_eq!(world.race.hear(News::Checkpoint(checkpoint())), Next::Nothing);
}

#[test]
fn a_challenger_that_comes_to_the_end_of_the_run_decides_nothing() {
    let mut world = World::held();
    assert_eq!(world.race.hear(News::Challenger(ChallengerNews::Ended)), Next::Stay);
    assert_eq!((world.race.state(), world.race.take_unsaved()), (RaceState::Open, None));
}

#[test]
fn after_a_lost_gpu_no_run_starts_there_by_itself() {
    let mut world = World::held();
    world.settle(2.0);
    world.race.take_unsaved();
    world.race.distrust_gpu();
    assert_eq!(world.race.take_unsaved(), Some(Verdicts::default()));
    assert_eq!(world.race.better_device(&config(), CPU), None);
}
