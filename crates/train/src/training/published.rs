//! The network that questions are answered with: while a run trains, a recent one; after it, the best one.

use std::cell::RefCell;
use std::rc::Rc;

use crate::module::Network;

/// Shared by the loop, which sets it, and the session, which asks it. A network is cheap to clone.
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
