//! The templates: the bots of this repository, built into the program.

/// A bot to begin with.
#[derive(Debug)]
pub(super) struct Template {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    /// Paths in the bot's folder, and what stands there.
    pub(super) files: &'static [(&'static str, &'static str)],
}

macro_rules! template {
    ($name:literal, $what:literal, [$($file:literal),* $(,)?]) => {
        Template {
            name: $name,
            what: $what,
            files: &[$(($file, include_str!(concat!("../../../bots/", $name, "/", $file)))),*],
        }
    };
}

pub(super) const ALL: &[Template] = &[
    template!("companion", "somebody to talk to every day", ["bot.yaml", "persona.md", "lore/crisis.md"]),
    template!("friend", "a witty friend", ["bot.yaml", "persona.md"]),
    template!(
        "lawyer",
        "explains the law and reads contracts",
        ["bot.yaml", "persona.md", "lore/contracts.md"]
    ),
    template!(
        "support",
        "a support desk with a handbook",
        ["bot.yaml", "persona.md", "lore/refunds.md", "docs/handbook.md",]
    ),
    template!("community", "a member of a community", ["bot.yaml", "persona.md"]),
    template!(
        "ux-advisor",
        "reviews screens against design specs",
        ["bot.yaml", "persona.md", "lore/forms.md", "docs/design-specs.md",]
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::ALL;
    use crate::sync::folder;

    #[test]
    fn every_bot_of_the_repository_is_a_template_with_all_of_its_files() {
        let bundle = folder::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("bots")).unwrap();
        let there: BTreeSet<String> =
            bundle.files.into_keys().chain(bundle.others).filter(|path| path.contains('/')).collect();
        let built_in = ALL
            .iter()
            .flat_map(|template| template.files.iter().map(|(file, _)| format!("{}/{file}", template.name)));
        assert_eq!(built_in.collect::<BTreeSet<_>>(), there);
    }
}
