//! Irregular forms of everyday English words, which no rule of endings finds together.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The plain form of an irregular one.
pub(super) fn plain(word: &str) -> Option<&'static str> {
    PLAIN.get(word).copied()
}

static PLAIN: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    let lines = FORMS.split_whitespace().filter_map(|line| line.split_once(':'));
    lines.flat_map(|(plain, forms)| forms.split(',').map(move |form| (form, plain))).collect()
});

/// `plain:form,form`. A form that belongs to two words goes to the commoner one: left, saw and felt to their
/// verbs, while lives and leaves, as verbs, need no rule.
const FORMS: &str = "\
become:became begin:began,begun bend:bent bite:bit,bitten blow:blew,blown break:broke,broken bring:brought \
build:built burn:burnt buy:bought catch:caught choose:chose,chosen come:came deal:dealt dig:dug draw:drew,drawn \
dream:dreamt drink:drank,drunk drive:drove,driven eat:ate,eaten fall:fell,fallen feed:fed feel:felt fight:fought \
find:found fly:flew,flown forget:forgot,forgotten forgive:forgave,forgiven freeze:froze,frozen get:got,gotten \
give:gave,given go:went,gone grow:grew,grown hang:hung hear:heard hide:hid,hidden hold:held keep:kept \
know:knew,known lead:led learn:learnt leave:left lend:lent light:lit lose:lost make:made mean:meant meet:met \
pay:paid ride:rode,ridden ring:rang,rung rise:rose,risen run:ran say:said see:saw,seen seek:sought sell:sold \
send:sent shake:shook,shaken shine:shone shoot:shot show:shown sing:sang,sung sink:sank,sunk sit:sat sleep:slept \
speak:spoke,spoken spend:spent stand:stood steal:stole,stolen stick:stuck strike:struck swear:swore,sworn \
sweep:swept swim:swam,swum take:took,taken teach:taught tear:tore,torn tell:told think:thought throw:threw,thrown \
understand:understood wake:woke,woken wear:wore,worn win:won write:wrote,written \
child:children person:people man:men woman:women foot:feet tooth:teeth mouse:mice goose:geese wife:wives \
knife:knives half:halves shelf:shelves wolf:wolves";
