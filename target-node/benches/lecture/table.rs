//! A table in Markdown, its columns as wide as their cells.

/// The text of a table under a title.
pub(crate) fn markdown(title: &str, header: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([header[column].chars().count()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: Vec<String>| {
        let cells: Vec<_> =
            cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}", width = *width)).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let mut text = format!("{title}\n\n{}", line(header.iter().map(|name| (*name).to_owned()).collect()));
    text += &line(widths.iter().map(|width| "-".repeat(*width)).collect());
    rows.iter().for_each(|row| text += &line(row.clone()));
    text
}

/// Milliseconds with two digits.
pub(crate) fn milliseconds(duration: std::time::Duration) -> String {
    format!("{:.2}", duration.as_secs_f64() * 1e3)
}
