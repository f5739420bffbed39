//! The network that predictions are made with: a recent one while a run trains, the best one after it.

use std::cell::RefCell;
use std::rc::Rc;

use crate::module::Network;

/// Shared by the loop, which sets it, and the session, which reads it. A network is cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Published(Rc<RefCell<Option<Network>>>);

impl Published {
    /// `network` must be in inference mode: the result of `valid`.
    pub fn set(&self, network: Network) {
        self.0.replace(Some(network));
    }

    pub fn get(&self) -> Option<Network> {
        self.0.borrow().clone()
    }

    pub fn clear(&self) {
        self.0.replace(None);
    }
}
