//! Where in the files a change stands, so that a reviewer gets there in one step.

use std::collections::BTreeMap;

use super::document::Change;
use crate::spec::{self, Bundle, Place};

/// Gives every change that stands in the files its place there.
pub(super) fn point(changes: &mut [Change], bundle: &Bundle) {
    for change in changes {
        let path = format!("{}/bot.yaml", change.name());
        let Some(contents) = bundle.files.get(&path) else { continue };
        let places = spec::origins(&path, contents);
        for field in &mut change.fields {
            // What is gone stands nowhere.
            field.origin = field.after.as_ref().and_then(|_| place(&places, &field.path));
        }
        for text in &mut change.texts {
            text.origin = match text.path.strip_prefix("/files/") {
                Some(reference) => spec::resolve(&path, &reference.replace("~1", "/").replace("~0", "~"))
                    .map(|file| Place { file, line: 1, column: 1 }),
                None => place(&places, &text.path),
            };
        }
    }
}

/// The place of a setting of the project.
pub(super) fn in_project(bundle: &Bundle, pointer: &str) -> Option<Place> {
    const PATH: &str = "botwright.yaml";
    place(&spec::origins(PATH, bundle.files.get(PATH)?), pointer)
}

/// The place of the pointer, or of the nearest thing around it. Entries that go by name have none of their own.
fn place(places: &BTreeMap<String, Place>, pointer: &str) -> Option<Place> {
    let mut pointer = pointer;
    loop {
        if let Some(place) = places.get(pointer).filter(|_| !pointer.is_empty()) {
            return Some(place.clone());
        }
        pointer = pointer.rsplit_once('/')?.0;
    }
}
