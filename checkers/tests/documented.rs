//! Every checker has its row in `docs/checkers.md`, in alphabetical order.

#[test]
fn every_checker_has_its_row() {
    let rows =
        include_str!("../../docs/checkers.md").lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let rows: Vec<&str> = rows.collect();
    let mut names: Vec<&str> = schism_checkers::registry::list().iter().map(|checker| checker.name).collect();
    names.sort_unstable();
    assert_eq!(rows, names);
}
