//! How many sockets and streams may be open at once.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::error::Error;
use crate::graphql::transport::Transport;

/// One of the sockets and streams that may be open at once.
pub(super) struct Slot<E> {
    transport: Arc<Transport<E>>,
    /// Spreads what would otherwise happen to all at once.
    pub(super) number: usize,
}

impl<E> Slot<E> {
    /// A free one, if there is any.
    pub(super) fn take(transport: &Arc<Transport<E>>) -> Option<Self> {
        let number = transport.open_sockets.fetch_add(1, Ordering::Relaxed);
        let slot = Self { transport: transport.clone(), number };
        slot.tell();
        (number < transport.settings.sockets).then_some(slot)
    }

    fn tell(&self) {
        let open = self.transport.open_sockets.load(Ordering::Relaxed);
        metrics::gauge!("botwright_sockets_open").set(f64::from(u32::try_from(open).unwrap_or(u32::MAX)));
    }
}

impl<E> Drop for Slot<E> {
    fn drop(&mut self) {
        self.transport.open_sockets.fetch_sub(1, Ordering::Relaxed);
        self.tell();
    }
}

/// What is said where none is free.
pub(super) fn full() -> Error {
    Error::unavailable("this server has as many sockets as it takes; try again in a moment")
}
