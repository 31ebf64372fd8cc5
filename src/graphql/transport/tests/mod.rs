//! The transport over a schema of its own, on a real socket.

mod http;
mod socket;
mod world;
