//! Questions to the engine, and their answers.

use std::rc::Rc;

use futures_channel::oneshot;
use leptos::prelude::*;

use super::{OnProgress, Receiver, Store, canceled};
use crate::protocol::{Answer, Command, Failure, FailureKind, Question, RatePoint, RateTest, RequestId, RunConfig};

/// Questions under way at most; more means a page gone wild, and they are refused.
const QUESTIONS_LIMIT: usize = 64;

impl Store {
    pub async fn ask(self, question: Question) -> Result<Answer, Failure> {
        self.ask_with_progress(question, |_, _| {}).await
    }

    /// `on_progress` hears how far a long question has come, 0 to 1, and the new points of a range test.
    pub async fn ask_with_progress(
        self,
        question: Question,
        on_progress: impl Fn(f32, &[RatePoint]) + 'static,
    ) -> Result<Answer, Failure> {
        let (_, answer) = self.open_question(question, Rc::new(on_progress))?;
        self.answer(answer).await
    }

    /// Tests learning rates on throw-away weights of this config. A test under way is stopped first.
    pub async fn find_rate(
        self,
        config: RunConfig,
        on_progress: impl Fn(f32, &[RatePoint]) + 'static,
    ) -> Result<RateTest, Failure> {
        self.stop_range_test();
        let (request, answer) =
            self.open_question(Question::FindRate { config: Box::new(config) }, Rc::new(on_progress))?;
        self.waiting.update_value(|waiting| waiting.range_test = Some(request));
        match self.answer(answer).await? {
            Answer::Rates(test) => Ok(test),
            Answer::Images(_) | Answer::Evaluation(_) | Answer::Classification(_) => {
                Err(Failure::new(FailureKind::EngineCrashed, "the engine answered another question"))
            }
        }
    }

    /// Without a test under way, nothing happens.
    pub fn stop_range_test(self) {
        if let Some(request) = self.waiting.try_update_value(|waiting| waiting.range_test.take()).flatten() {
            self.send(Command::Withdraw { request });
        }
    }

    fn open_question(
        self,
        question: Question,
        on_progress: OnProgress,
    ) -> Result<(RequestId, Receiver<Answer>), Failure> {
        self.expect_engine()?;
        let (sender, answer) = oneshot::channel();
        let request = self.waiting.try_update_value(|waiting| {
            if waiting.answers.len() >= QUESTIONS_LIMIT {
                return None;
            }
            waiting.n_requests = waiting.n_requests.wrapping_add(1);
            let request = RequestId(waiting.n_requests);
            waiting.answers.insert(request, (sender, on_progress));
            Some(request)
        });
        let Some(request) = request.flatten() else {
            return Err(canceled("too many questions at once"));
        };
        self.send(Command::Ask { request, question });
        Ok((request, answer))
    }

    async fn answer(self, answer: Receiver<Answer>) -> Result<Answer, Failure> {
        answer.await.unwrap_or_else(|_| Err(canceled("the page no longer waits for the answer")))
    }
}
