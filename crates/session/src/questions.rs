//! Answers questions in order, with separate queues for quick and long ones, so that a webcam need not wait for a whole evaluation.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use kindling_core::protocol::{Answer, Event, Failure, FailureKind, Question, RequestId};
use kindling_train::training::Control;
use kindling_train::training::control::Wish;

use crate::answer::{self, Asked};
use crate::platform::Platform;
use crate::session::Session;

/// Maximum number of waiting questions in each of the two queues. Beyond it, the oldest is canceled.
const QUESTION_LIMIT: usize = 64;

/// The queues of quick and long questions.
#[derive(Default)]
pub struct Questions {
    quick: Queue,
    long: Queue,
}

#[derive(Default)]
struct Queue {
    waiting: RefCell<VecDeque<(RequestId, Question)>>,
    /// The question being answered, and the control that cancels it.
    under_way: RefCell<Option<(RequestId, Rc<Control>)>>,
    is_busy: Cell<bool>,
}

impl Questions {
    pub fn ask<P: Platform>(&self, session: &Rc<Session<P>>, request: RequestId, question: Question) {
        let queue = self.queue_for(&question);
        let overdue = {
            let mut waiting = queue.waiting.borrow_mut();
            waiting.push_back((request, question));
            if waiting.len() > QUESTION_LIMIT { waiting.pop_front() } else { None }
        };
        if let Some((request, _)) = overdue {
            emit_answer(&**session.platform(), request, Err(canceled("too many questions wait")));
        }
        if !queue.is_busy.replace(true) {
            let is_long = std::ptr::eq(queue, &self.long);
            session.platform().spawn(answer_all(session.clone(), is_long));
        }
    }

    /// Cancels all waiting questions and the ones in progress.
    pub fn cancel_all(&self, platform: &impl Platform) {
        for queue in [&self.quick, &self.long] {
            for (request, _) in queue.waiting.take() {
                emit_answer(platform, request, Err(canceled("the dataset was replaced")));
            }
            if let Some((_, control)) = &*queue.under_way.borrow() {
                control.stop();
            }
        }
    }

    /// Cancels one question. Of those in progress, a range test, a cross-validation and a learning curve end early.
    pub fn withdraw(&self, platform: &impl Platform, withdrawn: RequestId) {
        for queue in [&self.quick, &self.long] {
            let n_before = queue.waiting.borrow().len();
            queue.waiting.borrow_mut().retain(|(request, _)| *request != withdrawn);
            if queue.waiting.borrow().len() < n_before {
                emit_answer(platform, withdrawn, Err(canceled("the question was withdrawn")));
            }
            if let Some((_, control)) = queue.under_way.borrow().as_ref().filter(|(request, _)| *request == withdrawn) {
                control.stop();
            }
        }
    }

    fn queue_for(&self, question: &Question) -> &Queue {
        match question {
            Question::Images(_)
            | Question::ImagesAt(_)
            | Question::LocateFiles(_)
            | Question::Augment(_)
            | Question::Classify(_)
            | Question::Embed(_)
            | Question::Inspect(_) => &self.quick,
            Question::Evaluate(_)
            | Question::EvaluateTrained(_)
            | Question::EmbedTrain(_)
            | Question::Measure(_)
            | Question::FindRate(_)
            | Question::FindLabelErrors(_)
            | Question::TraceLabels(_)
            | Question::CheckImages(_) => &self.long,
        }
    }

    fn queue(&self, is_long: bool) -> &Queue {
        if is_long { &self.long } else { &self.quick }
    }
}

async fn answer_all<P: Platform>(session: Rc<Session<P>>, is_long: bool) {
    let queue = session.questions().queue(is_long);
    loop {
        let Some((request, question)) = queue.waiting.borrow_mut().pop_front() else { break };
        let result = match session.current() {
            Some(current) => {
                let control = Rc::new(Control::default());
                queue.under_way.replace(Some((request, control.clone())));
                let asked = Asked { request, control: &control };
                let result = answer::answer(&session, &current, asked, question).await;
                queue.under_way.replace(None);
                // An answer about the previous dataset would be mistaken for one about the new dataset.
                let is_current = session.current().is_some_and(|now| Rc::ptr_eq(&now, &current));
                match (is_current, control.wish()) {
                    (false, _) => Err(canceled("the dataset was replaced")),
                    (true, Wish::Stop) => Err(canceled("the question was withdrawn")),
                    (true, _) => result,
                }
            }
            None => Err(Failure::new(FailureKind::NoDataset, "no dataset is loaded")),
        };
        emit_answer(&**session.platform(), request, result);
    }
    queue.is_busy.set(false);
}

fn emit_answer(platform: &impl Platform, request: RequestId, result: Result<Answer, Failure>) {
    platform.emit(Event::Answer { request, result });
}

fn canceled(detail: &str) -> Failure {
    Failure::new(FailureKind::Canceled, detail)
}
