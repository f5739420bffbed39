//! Questions to the engine, and their answers.

use std::rc::Rc;

use futures_channel::oneshot;
use leptos::prelude::*;

use super::{OnProgress, Receiver, Store, canceled};
use kindling_core::config::RunConfig;
use kindling_core::protocol::question::{FindLabelErrors, FindRate};
use kindling_core::protocol::{
    Answer, AnswerProgress, Ask, Command, Failure, FoldProgress, LabelErrors, Question, RateProgress, RateTest,
    RequestId,
};

/// The maximum number of open questions. More are refused: only a runaway script asks so many.
const QUESTIONS_LIMIT: usize = 64;

impl Store {
    pub async fn ask<A: Ask>(self, question: A) -> Result<A::Answer, Failure> {
        self.ask_with_progress(question, |_| {}).await
    }

    /// `on_progress` receives the progress of a long question.
    pub async fn ask_with_progress<A: Ask>(
        self,
        question: A,
        on_progress: impl Fn(A::Progress) + 'static,
    ) -> Result<A::Answer, Failure> {
        let (_, answer) = self.open_question(question.into(), reporting(on_progress))?;
        Ok(self.answer(answer).await?.try_into()?)
    }

    /// `opened` receives the id by which [`Store::withdraw`] cancels the question.
    pub async fn ask_withdrawable<A: Ask>(
        self,
        question: A,
        on_progress: impl Fn(A::Progress) + 'static,
        opened: impl FnOnce(RequestId),
    ) -> Result<A::Answer, Failure> {
        let (request, answer) = self.open_question(question.into(), reporting(on_progress))?;
        opened(request);
        Ok(self.answer(answer).await?.try_into()?)
    }

    /// Cancels a question. It does nothing to one that was answered.
    pub fn withdraw(self, request: RequestId) {
        self.send(Command::Withdraw { request });
    }

    /// Runs an LR range test of this config on weights that are then discarded. Cancels a test in progress first.
    pub async fn find_rate(
        self,
        config: RunConfig,
        on_progress: impl Fn(RateProgress) + 'static,
    ) -> Result<RateTest, Failure> {
        self.stop_range_test();
        let question = FindRate { config: Box::new(config) };
        let (request, answer) = self.open_question(question.into(), reporting(on_progress))?;
        self.waiting.update_value(|waiting| waiting.range_test = Some(request));
        Ok(self.answer(answer).await?.try_into()?)
    }

    /// Does nothing if no test is in progress.
    pub fn stop_range_test(self) {
        if let Some(request) = self.waiting.try_update_value(|waiting| waiting.range_test.take()).flatten() {
            self.withdraw(request);
        }
    }

    /// Finds images whose labels are probably wrong, by cross-validation. Cancels a search in progress first.
    pub async fn find_label_errors(
        self,
        question: FindLabelErrors,
        on_progress: impl Fn(FoldProgress) + 'static,
    ) -> Result<LabelErrors, Failure> {
        self.stop_label_errors();
        let (request, answer) = self.open_question(question.into(), reporting(on_progress))?;
        self.waiting.update_value(|waiting| waiting.label_errors = Some(request));
        Ok(self.answer(answer).await?.try_into()?)
    }

    /// Does nothing if no search is in progress.
    pub fn stop_label_errors(self) {
        if let Some(request) = self.waiting.try_update_value(|waiting| waiting.label_errors.take()).flatten() {
            self.withdraw(request);
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

/// Passes on progress of the question's type. If another type came in, the answer fails.
fn reporting<P: TryFrom<AnswerProgress>>(on_progress: impl Fn(P) + 'static) -> OnProgress {
    Rc::new(move |progress| {
        if let Ok(progress) = progress.try_into() {
            on_progress(progress);
        }
    })
}
