//! The page speaks the field's language: a test keeps the words out that it once had in place of a standard term.

use std::fs;
use std::path::Path;

/// Plain words and translations that stood for a term. A visitor could look none of them up.
#[rustfmt::skip]
const PLAIN_ENGLISH: &[&str] = &[
    "what computes", "what computed", "processor", "best available", "appearance", "like the system", "recipe", "held out for validation",
    "share", "shares", "split again", "where chance begins", "part of the dataset", "out of balance", "at a glance",
    "train loss", "train accuracy", "train image", "train images", "guess", "guesses", "answers", "correction", "corrections", "corrects",
    "learning by heart", "by heart", "over-fitting", "logarithmic loss", "on validation", "first weights", "fit each other", "does not fit",
    "one row of numbers", "position embedding", "hands on", "every state", "same size", "small batch-normalized",
    "shortcut", "shortcuts", "common scale", "bend", "find a learning rate", "step limit", "kind of weight decay", "longest gradient",
    "gradient's length", "batches per update", "share of the rate", "learning rate schedule", "in steps",
    "on a plateau", "epochs between reductions", "start divisor", "end divisor", "least learning rate", "patience of the schedule",
    "least improvement", "random changes to the images", "slant in degrees", "zoom", "draw again", "against attacks",
    "attack on the", "strength of the attack", "steps of the attack", "step of the attack", "change while it runs", "inside the network",
    "strips", "an image on its way", "dead units", "update / weights", "several views", "right answers", "taken for", "confused most often",
    "class by class", "mean of the classes", "worst mistakes", "said", "most probable classes", "what the network sees", "not sure",
    "better settings", "what to try", "by factors", "one in so many", "first look", "values of each range", "best by", "what mattered",
    "to its end", "values and results", "take its network", "changed since the run before", "trained network", "programs that compute", "ways to compute",
];

/// Labels that are plain only when they stand alone.
#[rustfmt::skip]
const PLAIN_ENGLISH_LABELS: &[&str] =
    &["Average of the weights", "Understand", "Use", "Together", "Rows", "Given", "Mirror", "Shift", "Noise", "From", "To", "Answer", "Ended", "Seed", "Function", "Rate", "Ratio"];

#[rustfmt::skip]
const PLAIN_CHINESE: &[&str] = &[
    "您", "图片", "载入", "批量", "方案", "处理器", "最大长度", "每次更新的批数", "权重平均", "提前停止", "计划", "阶梯下降",
    "指数下降", "停滞时下降", "上升比例", "最小改善", "剪贴混合", "倾斜角度", "镜像", "留作验证", "按倍数", "几个中留一个", "训练到底", "到底",
    "首次查看", "取用", "多个视图", "修正", "瞎猜", "死记硬背", "知道了", "滤波器", "条带", "一分钟", "死亡单元", "一行数", "捷径", "转折",
];

#[rustfmt::skip]
const PLAIN_CHINESE_LABELS: &[&str] = &["理解", "使用", "混合", "遮挡", "耐心", "已指定", "回答", "从", "到", "逐行", "系数", "函数"];

/// Group, key and text of all files of a language.
fn texts(language: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("static/translations").join(language);
    let files = fs::read_dir(folder).unwrap().map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    let groups = files.flat_map(|file| serde_json::from_str::<super::i18n::Texts>(&file).unwrap());
    groups.flat_map(|(group, keys)| keys.into_iter().map(move |(key, text)| (format!("{group}.{key}"), text))).collect()
}

/// The text without the names of its values.
fn spoken(text: &str) -> String {
    let mut parts = text.split('{');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.filter_map(|part| part.split_once('}')).fold(first, |spoken, (_, rest)| spoken + rest)
}

/// Whether the text has the words, not only as parts of longer ones.
fn says(text: &str, words: &str) -> bool {
    let is_letter = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    text.match_indices(words).any(|(start, found)| {
        !is_letter(text[..start].chars().next_back()) && !is_letter(text[start + found.len()..].chars().next())
    })
}

#[test]
fn no_plain_word_stands_for_a_term() {
    let mut complaints = Vec::new();
    for (key, text) in texts("en") {
        let spoken = spoken(&text).to_lowercase();
        complaints
            .extend(PLAIN_ENGLISH.iter().filter(|words| says(&spoken, words)).map(|words| format!("{key}: {words}")));
        complaints
            .extend(PLAIN_ENGLISH_LABELS.iter().filter(|label| text == **label).map(|label| format!("{key}: {label}")));
    }
    for (key, text) in texts("zh-CN") {
        complaints
            .extend(PLAIN_CHINESE.iter().filter(|words| text.contains(**words)).map(|words| format!("{key}: {words}")));
        complaints
            .extend(PLAIN_CHINESE_LABELS.iter().filter(|label| text == **label).map(|label| format!("{key}: {label}")));
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn words_are_found_as_a_whole_and_names_of_values_are_none() {
    assert_eq!(spoken("At {share} of {all}."), "At  of .");
    assert!(says("the share of it", "share") && !says("shared by all", "share"));
    assert!(texts("en").len() > 500 && texts("zh-CN").len() == texts("en").len());
}
