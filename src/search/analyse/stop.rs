//! Words that say nothing about what a text is about. The lists hold question words and pronouns as well:
//! that is what makes them worth having in front of questions.
//!
//! Latin and Cyrillic letters do not meet, so one set serves English and one the two Slavic languages, whose
//! short words hardly ever mean something to the other.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Whether a folded word is dropped.
pub(super) fn is_stop(word: &str) -> bool {
    STOP.contains(word)
}

/// Whether a pair of Han characters is dropped.
pub(super) fn is_stop_pair(pair: &str) -> bool {
    CHINESE.contains(&pair)
}

static STOP: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| [ENGLISH, UKRAINIAN, RUSSIAN].iter().flat_map(|list| list.split_whitespace()).collect());

/// 142 words; contractions leave the fragments s, t, d, ll, m, o, re, ve, y.
const ENGLISH: &str = "\
a about above after again against all also am an and any are as at be because been before being below between \
both but by can could d did do does doing don down during each few for from further had has have having he her \
here hers herself him himself his how i if in into is it its itself just ll m may me might more most must my \
myself no nor not now o of off on once only or other our ours ourselves out over own re s same shall she should \
so some such t than that the their theirs them themselves then there these they this those through to too under \
until up ve very was we were what when where which while who whom whose why will with would y you your yours \
yourself yourselves";

const UKRAINIAN: &str = "\
а аби або авжеж адже але аж б без би бо був буде будемо будеш будете буду будуть була були було бути в вам вами \
вас ваш ваша ваше вашим ваших вашу ваші вашої вашого весь ви від він вона вони воно все вся всю всі всіх всім \
всього втім вже г де десь для до доки є ж же з за зараз зі знов знову і із інша інше інший інших інші їй їм їх \
їхній їхня їхнє їхні й його йому коли кого кожен котра котре котрий котрі кому ким куди крізь лише ми мене мені \
мій мною мого моєму моїй моїм моїх моя моє моєї мої мою може можна мов на навіть над нам нами нас наш наша наше \
наших наші нашу нашої нашого не нема немає нехай нею нього нему ним них ні ніби ніж ніхто ніщо о об обидва один \
одна одне однак оце ось ото от отак отже перед під по поза поки при про та так така таке таки такий таких такі \
також там твій твого твоєї твоя твоє твої твою те тебе тепер ти тим тими тих ті тією тій тільки то тобі тобою \
того тоді той тому тут ту у увесь усе усі усіх хай хто хіба хоч хоча це цей цього цьому цим цими цих цю ця ці \
цієї цій через чи чий чия чиє чиї чим чого чому чомусь ще щоб що щось як яка яке який яким якими яких якого якої \
якому якою яку якась якесь якийсь якісь які якщо скільки стільки себе собі собою свій свого своєї своєму своя \
своє свої своїх свою отой оця між майже дуже хтось колись";

const RUSSIAN: &str = "\
а без бы был была были было быть буду будет будем будете будешь будут в вам вами вас ваш ваша ваше вашего вашей \
вашем ваши ваших вашу весь во вообще вот все всего всей всем всех всю вся вы где да даже для до его ее ей ему \
если есть еще ж же за здесь и из или им ими их к как какая какие каким каких какого какое какой каком какому \
какую ко когда кого кому который которая которое которые которого которой которую кто куда кем ли либо лишь между \
меня мне мной мною мог могу может можно мое моего моей моем моему мои моих мой мою моя мы на над нам нами нас наш \
наша наше нашего нашей нашем наши наших нашу не него нее ней нем нему несколько нет ни ним ними них но ну о об \
один одна одно однако он она они оно от ото перед по под после потому почему при про с сам сама само сами свое \
своего своей своем свои своих свой свою своя себе себя со собой так такая также такие таким таких такого такое \
такой там твое твоего твоей твои твоих твой твою твоя те тебе тебя тем теперь тех то тобой тогда того тоже той \
только том тому тот ту тут ты у уж уже хотя чего чей чем через что чтобы чтоб чье чья чьи чему чуть эта эти этим \
этих это этого этой этом этому этот эту я сейчас сколько столько очень откуда зачем ведь \
ибо иной иначе кроме ради разве вдруг";

const CHINESE: &[&str] = &[
    "什么", "怎么", "怎样", "为什", "哪里", "哪儿", "哪个", "哪些", "多少", "我们", "你们", "他们", "她们",
    "它们", "这个", "那个", "这些", "那些", "这里", "那里", "的是", "是我", "是不", "不是", "我的", "你的",
    "他的", "她的",
];
