//! Input that nobody meant: cut off anywhere, damaged anywhere, or no history at all. Never a panic, never without end, and
//! an error always names a line that is there.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use proptest::sample::Index;

use super::outline_test::outline;
use super::*;

const JSONL: &str = r#"{"index":0,"time":1,"type":"invoke","process":0,"f":"read","key":"k1","value":null}
{"index":1,"time":1,"type":"info","process":"nemesis","f":"cut","value":{"cut":[["n1","n2"]],"é":-1.5e3},"id":1,"step":"applied"}

{"index":2,"time":200,"type":"ok","process":0,"f":"read","key":"k1","value":"a\"\ud83d\ude00","node":"n2","term":4,"position":19}
  { "value" : [1, true, 12345678901234567890123], "f":"write" ,"x":{},"process":1,"type":"invoke","time":201,"ack":"all"}
{"index":4,"time":202,"type":"fail","process":1,"f":"write","error":"refused","level":null,"final":false}
"#;

const EDN: &str = r#"; a comment
[{:process 4, :type :invoke, :f :read, :value nil, :time 5, :index 3}
 #jepsen.history.Op{:process 4, :type :ok, :f :read, :value [:r 1N "a\n" \newline #{2 1} {:a 1.5M} 1/2 ##NaN], :time 6, :index 5}
 #_ {:ignored [true]}
 {:process :nemesis, :type :info, :f :start
  :value "Cut \"off\" é", :extra {:via [#inst "2020" sym]}},
 {:type :invoke :value [[:append 1 2]]} {:type :info :value [[:append 1 2]] :error [:timeout "x"]}]
"#;

const LOG: &str = "INFO start\nINFO  jepsen.util - 0\t:invoke\t:write\t3\n:nemesis\t:info\t:start\t\"é\"\nINFO - 1\t:invoke\t:cas\t[3 4]\r\n\
                   INFO  jepsen.util - 0\t:ok\t:write\t3\nINFO - 1\t:info\t:cas\t:timed-out\tmore\n";

const KV: &str = "{:process 0, :type :invoke, :f :append, :key \"0\", :value \"x 0 0 y\"}\n\
                  {:process 0, :type :ok, :f :append, :key \"0\", :value \"x 0 0 y\"}\n\
                  {:process 1, :type :invoke, :f :get, :key \"0\", :value nil}\n\
                  {:process 1, :type :ok, :f :get, :key \"0\", :value \"x 0 0 y\"}\n";

const SAMPLES: [&str; 4] = [JSONL, EDN, LOG, KV];

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Reads in every way, and compares what must be the same.
fn survives(text: &[u8]) {
    let lines = text.split_inclusive(|byte| *byte == b'\n').count().max(1) as u64;
    let compressed = text.starts_with(&GZIP_MAGIC);
    for input in Input::ALL {
        for (tail, independent) in [(TruncatedTail::Refuse, false), (TruncatedTail::LeaveOut, true)] {
            let options = ReadOptions { input, tail, independent, ..ReadOptions::default() };
            let shown = || format!("{input:?} {tail:?} {independent}: {:?}", String::from_utf8_lossy(text));
            let whole = History::read(text, &options).map(|history| outline(&history));
            if let Err(error) = &whole {
                assert!(compressed || (1..=lines).contains(&error.line), "{}: {error}", shown());
                assert_eq!(error.kind, ReadErrorKind::Malformed);
            }
            // What is one piece for the reader is nobody else's business. (A format is found by the first piece.)
            for chunk_bytes in [64, 100] {
                let pieces = History::read_in_chunks(text, &options, chunk_bytes).map(|history| outline(&history));
                assert!(input == Input::Auto || compressed || pieces == whole, "{}\n{pieces:?}\n{whole:?}", shown());
            }
        }
    }
}

#[test]
fn samples_are_good() {
    for (sample, source) in SAMPLES.iter().zip([Source::Jsonl, Source::Edn, Source::JepsenLog, Source::PorcupineKv]) {
        let history = History::read(sample.as_bytes(), &ReadOptions::default()).unwrap();
        assert_eq!((history.source(), history.operations().len()), (source, 2));
        survives(sample.as_bytes());
    }
}

#[test]
fn cut_off_anywhere() {
    for sample in SAMPLES {
        for length in 0..sample.len() {
            survives(&sample.as_bytes()[..length]);
            // A prefix can always be read, once it shows what it is.
            let options = ReadOptions { tail: TruncatedTail::LeaveOut, ..ReadOptions::default() };
            let history = History::read(&sample.as_bytes()[..length], &options);
            let is_shown = sample != LOG || length > LOG.find(":write").unwrap();
            assert!(
                history.is_ok() || !is_shown,
                "{:?}: {history:?}",
                &sample.as_bytes()[..length].escape_ascii().to_string()
            );
        }
        let packed = gzip(sample.as_bytes());
        for length in 0..packed.len() {
            let result = History::read(&packed[..length], &ReadOptions::default());
            assert!(result.is_err() || length == 0, "{length}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_anywhere(
        which in 0..SAMPLES.len(),
        damages in prop::collection::vec((any::<Index>(), any::<Index>(), any::<u8>(), 0..6_u8), 1..6),
        compressed in prop::bool::weighted(0.1),
    ) {
        let mut text = SAMPLES[which].as_bytes().to_vec();
        if compressed {
            text = gzip(&text);
        }
        for (place, other, byte, how) in damages {
            if text.is_empty() {
                break;
            }
            let (place, other) = (place.index(text.len()), other.index(text.len()));
            let meaningful = b"\"\\{}[]():;#_,0123456789-+./eEN\t\n\r \x0b\x0c\0";
            let byte = if byte < 100 { byte } else { meaningful[usize::from(byte) % meaningful.len()] };
            let (from, to) = (place.min(other), place.max(other).min(place.min(other) + 40));
            match how {
                0 => text[place] = byte,
                1 => text.insert(place, byte),
                2 => drop(text.remove(place)),
                3 => drop(text.drain(from..to)),
                4 => {
                    let copy = text[from..to].to_vec();
                    text.splice(place..place, copy);
                }
                _ => text.swap(place, other),
            }
        }
        survives(&text);
    }

    #[test]
    fn arbitrary(text in prop::collection::vec(any::<u8>(), 0..300)) {
        survives(&text);
    }

    #[test]
    fn arbitrary_words(words in prop::collection::vec(prop::sample::select(&[
        "{", "}", "[", "]", "(", ")", "#{", "#_", "#t ", ";", "\n", "\"", "\\", " ", ",", ":", "\t", ":type", ":invoke", ":ok",
        ":f", ":read", ":process", ":value", "nil", "0", "1", "-", "\"type\"", "\"ok\"", "\"f\"", "\"time\"", "null", "##NaN",
        "\t:ok\t:x\t", "\t:invoke\t:x\t", "{\"time\":1,\"type\":\"invoke\",\"process\":0,\"f\":\"x\"}", "\u{feff}", "é",
        "{:type :invoke :f :x}", "{:type :ok :f :x}", "{:type :info :process :nemesis :f :x}",
    ][..]), 0..30)) {
        survives(words.concat().as_bytes());
    }
}
