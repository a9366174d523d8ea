//! Intervals: how much a few runs say.
//!
//! Shares of runs get Wilson's score interval (Wilson, 1927), which is honest at 0 of n. Ratios whose losses come in
//! bursts, one per run, get a bootstrap over runs (Efron, 1979): resampling single operations would pretend that they
//! were independent.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

/// The normal quantile of a two-sided 95 % interval.
const Z_95: f64 = 1.959_963_985;

const RESAMPLES: usize = 2000;

/// Any number will do; a fixed one makes a stored campaign print the same table again.
const BOOTSTRAP_SEED: u64 = 0x5c15;

/// Wilson's 95 % interval of a share, both ends between 0 and 1; `None` without trials.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "numbers of runs are small")]
pub fn wilson(successes: u64, trials: u64) -> Option<[f64; 2]> {
    if trials == 0 {
        return None;
    }
    let (successes, trials) = (successes as f64, trials as f64);
    let share = successes / trials;
    let z2 = Z_95 * Z_95;
    let denominator = 1.0 + z2 / trials;
    let centre = (share + z2 / (2.0 * trials)) / denominator;
    let half_width = Z_95 / denominator * (share * (1.0 - share) / trials + z2 / (4.0 * trials * trials)).sqrt();
    let low = if successes == 0.0 { 0.0 } else { (centre - half_width).max(0.0) };
    let high = if successes == trials { 1.0 } else { (centre + half_width).min(1.0) };
    Some([low, high])
}

/// The 95 % bootstrap interval of `Σ part ÷ Σ whole` over runs; `None` with fewer than two runs, where nothing was
/// found at all, or without any whole: resampling cannot tell anything then.
#[must_use]
pub fn bootstrap_ratio(runs: &[(u64, u64)]) -> Option<[f64; 2]> {
    if runs.len() < 2 || runs.iter().all(|(part, _)| *part == 0) {
        return None;
    }
    let mut random = ChaCha8Rng::seed_from_u64(BOOTSTRAP_SEED);
    let mut ratios: Vec<f64> = (0..RESAMPLES)
        .filter_map(|_| {
            let sample = (0..runs.len()).map(|_| runs[random.random_range(0..runs.len())]);
            ratio(sample)
        })
        .collect();
    if ratios.is_empty() {
        return None;
    }
    ratios.sort_by(f64::total_cmp);
    let at = |share: f64| {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "small"
        )]
        let position = (share * (ratios.len() - 1) as f64).round() as usize;
        ratios[position]
    };
    Some([at(0.025), at(0.975)])
}

/// `Σ part ÷ Σ whole`; `None` where the whole is empty.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
pub fn ratio(runs: impl Iterator<Item = (u64, u64)>) -> Option<f64> {
    let (part, whole) = runs.fold((0, 0), |(part, whole), run| (part + run.0, whole + run.1));
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// The median; the mean of the middle two for an even number; `None` without values.
#[must_use]
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 { Some(upper) } else { Some(f64::midpoint(values[middle - 1], upper)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(actual: f64, expected: f64) -> bool {
        (actual - expected).abs() < 5e-4
    }

    #[test]
    fn wilson_of_nothing_in_two_hundred_is_below_two_percent() {
        let [low, high] = wilson(0, 200).unwrap();
        assert!(low == 0.0 && close(high, 0.0188), "{low} {high}");
    }

    #[test]
    fn wilson_agrees_with_published_values() {
        // Newcombe (1998), table I: 81 of 263 and 15 of 148.
        for (successes, trials, expected) in [(81, 263, [0.2553, 0.3662]), (15, 148, [0.0624, 0.1605])] {
            let [low, high] = wilson(successes, trials).unwrap();
            assert!(close(low, expected[0]) && close(high, expected[1]), "{low} {high}");
        }
        assert_eq!(wilson(5, 5).unwrap()[1], 1.0);
        assert_eq!(wilson(0, 0), None);
    }

    #[test]
    fn the_bootstrap_is_deterministic_and_holds_the_ratio() {
        let runs = [(10, 100), (0, 120), (30, 90), (5, 110), (12, 100)];
        let interval = bootstrap_ratio(&runs).unwrap();
        assert_eq!(Some(interval), bootstrap_ratio(&runs));
        let point = ratio(runs.into_iter()).unwrap();
        assert!(interval[0] < point && point < interval[1], "{interval:?} {point}");
    }

    #[test]
    fn equal_runs_have_an_interval_of_no_width() {
        assert_eq!(bootstrap_ratio(&[(1, 10), (1, 10), (1, 10)]), Some([0.1, 0.1]));
    }

    #[test]
    fn the_bootstrap_claims_nothing_about_zeros_or_single_runs() {
        assert_eq!(bootstrap_ratio(&[(0, 10), (0, 10)]), None);
        assert_eq!(bootstrap_ratio(&[(3, 10)]), None);
    }

    #[test]
    fn medians() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0]), Some(2.5));
        assert_eq!(median(vec![]), None);
    }
}
