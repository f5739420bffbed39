//! Adversarial training: what an attack may change, how it affects the loss, and whether training against it helps.

use burn::tensor::Tensor;
use kindling_core::config::{AdversarialConfig, AttackMethod, LossConfig, RunConfig};
use kindling_core::protocol::{Failure, FailureKind, SplitName};
use kindling_core::random::Random;
use kindling_train::device::images::Batch;
use kindling_train::module::Network;
use kindling_train::objective::adversarial::Attacker;
use kindling_train::objective::loss::Loss;

use crate::support::block_on;
use crate::{Outcome, config, device};

const STRENGTH: f64 = 0.15;
const PGD: AttackMethod = AttackMethod::Pgd { steps: 5, step_size: 0.05 };

#[test]
fn attacked_images_stay_within_the_strength_and_the_range() {
    let run = Outcome::of(&config());
    let network = run.published.get().unwrap();
    for method in [AttackMethod::Fgsm, PGD] {
        let batch = test_batch(&run);
        let attacked = attacked(&network, method, 1.0, batch.clone());
        let change = values(attacked.images.clone() - batch.images.clone());
        let max = change.iter().fold(0.0_f32, |max, change| max.max(change.abs()));
        assert!(max <= 2.0 * STRENGTH as f32 + 1e-6 && max > STRENGTH as f32, "{method:?}: {max}");
        assert!(values(attacked.images).iter().all(|value| (-1.0..=1.0).contains(value)));
        assert_eq!(values(attacked.targets), values(batch.targets), "labels stay");
    }
}

#[test]
fn only_the_fraction_is_attacked() {
    let run = Outcome::of(&config());
    let network = run.published.get().unwrap();
    let batch = test_batch(&run);
    let [n_images, ..] = batch.images.dims();
    let n_values = batch.images.shape().num_elements() / n_images;
    let clean = values(batch.images.clone());
    let changed = values(attacked(&network, AttackMethod::Fgsm, 0.25, batch.clone()).images);
    let is_changed = |place: usize| clean[place * n_values..][..n_values] != changed[place * n_values..][..n_values];
    let n_changed = (0..n_images).filter(|&place| is_changed(place)).count();
    assert_eq!((n_images, n_changed), (60, 15));
    assert!(is_changed(0) && !is_changed(59));
    assert_eq!(values(attacked(&network, PGD, 0.0, batch).images), clean);
}

#[test]
fn an_attack_raises_the_loss_and_more_steps_raise_it_more() {
    let run = Outcome::of(&config());
    let network = run.published.get().unwrap();
    let batch = test_batch(&run);
    let clean = loss_of(&network, batch.clone());
    let fgsm = loss_of(&network, attacked(&network, AttackMethod::Fgsm, 1.0, batch.clone()));
    let pgd = loss_of(&network, attacked(&network, AttackMethod::Pgd { steps: 20, step_size: 0.03 }, 1.0, batch));
    assert!(fgsm > 1.5 * clean, "{clean} {fgsm}");
    assert!(pgd > clean && pgd > 0.95 * fgsm, "{fgsm} {pgd}");
}

#[test]
fn training_against_attacks_makes_a_network_harder_to_attack() {
    let config = RunConfig { epochs: 6, ..config() };
    let attack = AdversarialConfig { method: AttackMethod::Fgsm, strength: STRENGTH, share: 0.5 };
    let [plain, hardened] = [None, Some(attack)].map(|adversarial| {
        let run = Outcome::of(&RunConfig { adversarial, ..config.clone() });
        let network = run.published.get().unwrap();
        let batch = test_batch(&run);
        (accuracy_of(&network, attacked(&network, PGD, 1.0, batch.clone())), accuracy_of(&network, batch))
    });
    assert!(hardened.0 > plain.0 + 0.1, "under attack: {plain:?}, hardened {hardened:?}");
    assert!(hardened.1 > 0.9, "it still learns: {hardened:?}");
}

#[test]
fn equal_seeds_repeat_and_the_attack_disturbs_no_other_draw() {
    let with = |method, share| RunConfig {
        adversarial: Some(AdversarialConfig { method, strength: STRENGTH, share }),
        ..config()
    };
    let pgd = Outcome::of(&with(PGD, 0.5)).losses;
    assert_eq!(pgd, Outcome::of(&with(PGD, 0.5)).losses);
    let plain = Outcome::of(&config()).losses;
    assert!(pgd[0] > plain[0], "the first batch is the same but for the attack: {} {}", pgd[0], plain[0]);
    assert_ne!(pgd, Outcome::of(&RunConfig { seed: 2, ..with(PGD, 0.5) }).losses);
    // The network has batch norm and dropout: an attack on no images leaves the run unchanged.
    assert_eq!(plain, Outcome::of(&with(PGD, 0.0)).losses);
}

#[test]
fn values_out_of_range_are_refused() {
    let good = AdversarialConfig::default();
    let pgd = |steps, step_size| AdversarialConfig { method: AttackMethod::Pgd { steps, step_size }, ..good };
    for bad in [
        AdversarialConfig { strength: 0.0, ..good },
        AdversarialConfig { strength: 1.1, ..good },
        AdversarialConfig { strength: f64::NAN, ..good },
        AdversarialConfig { share: -0.1, ..good },
        AdversarialConfig { share: 1.1, ..good },
        pgd(0, 0.1),
        pgd(101, 0.1),
        pgd(3, 0.0),
        pgd(3, f64::INFINITY),
    ] {
        let failure: Failure = Outcome::of(&RunConfig { adversarial: Some(bad), ..config() }).result.unwrap_err();
        assert_eq!(failure.kind, FailureKind::BadConfig, "{bad:?}");
    }
}

fn test_batch(run: &Outcome) -> Batch {
    let test = run.data.part(SplitName::Test).to_vec();
    run.data.batch(run.data.select(test))
}

fn loss() -> Loss {
    Loss::new(&LossConfig::default(), &[1; 3], &device()).unwrap()
}

fn attacked(network: &Network, method: AttackMethod, share: f64, batch: Batch) -> Batch {
    Attacker::new(AdversarialConfig { method, strength: STRENGTH, share }, Random::new(1)).attack(
        batch,
        network,
        &loss(),
    )
}

fn loss_of(network: &Network, batch: Batch) -> f32 {
    values(loss().at(network.forward(batch.images), batch.targets).parts.sum())[0]
}

fn accuracy_of(network: &Network, batch: Batch) -> f32 {
    let predicted = network.forward(batch.images).argmax(1).squeeze_dim::<1>(1);
    values(predicted.equal(batch.labels).float().mean())[0]
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    block_on(tensor.into_data_async()).unwrap().iter::<f32>().collect()
}
