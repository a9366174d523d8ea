//! Which format a history is in, from its first bytes.

use super::jepsen_log;
use crate::history::Source;

/// The format of a history that begins like this; `None`: none that is known.
pub(super) fn detect(head: &[u8]) -> Option<Source> {
    let text = head.trim_ascii_start();
    let mut significant = text.iter().filter(|byte| !byte.is_ascii_whitespace() && **byte != b',');
    match (significant.next(), significant.next()) {
        // Nothing is a history of nothing.
        (None, _) | (Some(b'{'), None | Some(b'"' | b'}')) => Some(Source::Jsonl),
        (Some(b'{'), _) if is_porcupine_kv(text) => Some(Source::PorcupineKv),
        (Some(b'{' | b'(' | b';' | b'#'), _) => Some(Source::Edn),
        // A list of JSON is not a history, and a log may begin with a date in brackets.
        (Some(b'['), Some(b'{')) if significant.next() == Some(&b'"') => None,
        (Some(b'['), None | Some(b'{' | b'#' | b';' | b']')) => Some(Source::Edn),
        _ => text.split(|byte| *byte == b'\n').any(jepsen_log::is_operation).then_some(Source::JepsenLog),
    }
}

/// Whether the first map is an operation on a key-value store without a time, as Porcupine's tests have them. Jepsen has no
/// `:key`, and always a time or an index.
fn is_porcupine_kv(text: &[u8]) -> bool {
    let first = text.split(|byte| *byte == b'}').next().unwrap_or_default();
    let has = |name: &str| memchr::memmem::find(first, name.as_bytes()).is_some();
    has(":key ") && !has(":time ") && !has(":index ") && [":f :get", ":f :put", ":f :append"].iter().any(|f| has(f))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_their_beginnings() {
        let cases: [(&str, Option<Source>); 22] = [
            ("", Some(Source::Jsonl)),
            ("\n \n", Some(Source::Jsonl)),
            ("{", Some(Source::Jsonl)),
            ("\n{\"time\":1", Some(Source::Jsonl)),
            ("{ \"time\":1", Some(Source::Jsonl)),
            ("{}", Some(Source::Jsonl)),
            ("{:process 0, :type :invoke, :f :get, :key \"0\", :value nil}", Some(Source::PorcupineKv)),
            ("{:process 0, :type :invoke, :f :get, :key \"0\", :time 7, :value nil}", Some(Source::Edn)),
            ("{:process 0, :type :invoke, :f :read, :value nil}", Some(Source::Edn)),
            ("[{:process 0", Some(Source::Edn)),
            ("[ ; comment\n {:process 0", Some(Source::Edn)),
            ("({:process 0", Some(Source::Edn)),
            ("; comment", Some(Source::Edn)),
            ("#jepsen.history.Op{:index 0", Some(Source::Edn)),
            ("[]", Some(Source::Edn)),
            ("INFO  jepsen.util - 0\t:invoke\t:write\t3\n", Some(Source::JepsenLog)),
            ("WARN something\n2015-01-01 INFO  jepsen.util - 0\t:invoke\t:write\t3\n", Some(Source::JepsenLog)),
            ("[2015-01-01] INFO  jepsen.util - 0\t:invoke\t:write\t3\n", Some(Source::JepsenLog)),
            ("0\t:invoke\t:write\t3\n", Some(Source::JepsenLog)),
            ("[{\"time\":1}]", None),
            ("index,time,type\n0,0,invoke\n", None),
            ("\u{7f}ELF", None),
        ];
        for (text, expected) in cases {
            assert_eq!(detect(text.as_bytes()), expected, "{text:?}");
        }
    }
}
