//! The transport over a schema of its own, on a real socket.

mod events;
mod http;
mod socket;
mod world;
