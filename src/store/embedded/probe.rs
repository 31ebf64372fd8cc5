//! Asking a server whether it takes us in: the first words of PostgreSQL's protocol, spoken over its socket.

use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::{DATABASE, ROLE};

/// What came back.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It takes us in.
    Ready,
    /// It runs, but takes nobody in at the moment: it starts, recovers or stops.
    NotNow,
    /// It runs and refuses us; its own words.
    Refused(String),
    /// Nobody listens.
    Nobody,
}

/// Signs in at `socket` as [`ROLE`] and says goodbye.
pub(super) fn ask(socket: &Path) -> Answer {
    match converse(socket) {
        Ok(reply) => parse(&reply),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
            Answer::Nobody
        }
        // A server that is overrun answers late.
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Answer::NotNow,
        Err(error) if error.kind() == ErrorKind::ConnectionReset => Answer::NotNow,
        Err(error) => Answer::Refused(format!("{}: {error}", socket.display())),
    }
}

fn converse(socket: &Path) -> std::io::Result<Vec<u8>> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.set_write_timeout(Some(Duration::from_secs(5)))?;
    let parameters = format!("user\0{ROLE}\0database\0{DATABASE}\0\0");
    let length = u32::try_from(parameters.len() + 8).unwrap_or(u32::MAX);
    let mut words = length.to_be_bytes().to_vec();
    words.extend(196_608_u32.to_be_bytes()); // protocol 3.0
    words.extend(parameters.as_bytes());
    words.extend(b"X\0\0\0\x04"); // and goodbye
    stream.write_all(&words)?;
    let mut reply = Vec::new();
    match stream.read_to_end(&mut reply) {
        Err(error) if reply.is_empty() => Err(error),
        _ => Ok(reply),
    }
}

fn parse(reply: &[u8]) -> Answer {
    match reply.first() {
        // `R` with a zero is "you are in"; with anything else it wants a password.
        Some(b'R') if reply.get(5..9) == Some(&[0; 4]) => Answer::Ready,
        Some(b'R') => Answer::Refused("it asks for a password".into()),
        Some(b'E') => {
            let field = |code: u8| {
                let fields = reply.get(5..)?.split(|&byte| byte == 0);
                fields
                    .filter(|field| field.first() == Some(&code))
                    .find_map(|field| std::str::from_utf8(field.get(1..)?).ok())
            };
            match (field(b'C'), field(b'M')) {
                (Some("57P03"), _) => Answer::NotNow,
                // Too many connections: it is there, and it knows us.
                (Some("53300"), _) => Answer::Ready,
                (_, message) => Answer::Refused(message.unwrap_or("for no stated reason").to_owned()),
            }
        }
        // It hung up without a word, as a server does that is being stopped.
        None => Answer::NotNow,
        Some(_) => Answer::Refused("it does not speak PostgreSQL's protocol".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, parse};

    #[test]
    fn answers_are_told_apart() {
        assert_eq!(parse(b"R\0\0\0\x08\0\0\0\0S..."), Answer::Ready);
        assert_eq!(parse(b"R\0\0\0\x0c\0\0\0\x05salt"), Answer::Refused("it asks for a password".into()));
        let error =
            |code: &str| format!("E\0\0\0\x40SFATAL\0VFATAL\0C{code}\0Mno such thing\0\0").into_bytes();
        assert_eq!(parse(&error("57P03")), Answer::NotNow);
        assert_eq!(parse(&error("53300")), Answer::Ready);
        assert_eq!(parse(&error("3D000")), Answer::Refused("no such thing".into()));
        assert_eq!(parse(b""), Answer::NotNow);
        assert_eq!(parse(b"HTTP/1.1 400"), Answer::Refused("it does not speak PostgreSQL's protocol".into()));
    }
}
