//! Two trees over the places 0…n−1: the smallest numbers of a range are taken out; ranges are covered and uncovered.

/// Numbers of which those of a range that are small enough are found and taken out, in O(log n) each.
pub(super) struct Minima {
    size: usize,
    nodes: Vec<u64>,
}

impl Minima {
    pub(super) fn new(numbers: impl ExactSizeIterator<Item = u64>) -> Self {
        let size = numbers.len().next_power_of_two();
        let mut nodes = vec![u64::MAX; 2 * size];
        for (place, number) in numbers.enumerate() {
            nodes[size + place] = number;
        }
        for node in (1..size).rev() {
            nodes[node] = nodes[2 * node].min(nodes[2 * node + 1]);
        }
        Self { size, nodes }
    }

    /// Takes out every number of the range that is at most `bound`, which must be less than `u64::MAX`; adds their places.
    pub(super) fn take(&mut self, range: std::ops::Range<usize>, bound: u64, places: &mut Vec<usize>) {
        self.take_under(1, 0..self.size, &range, bound, places);
    }

    fn take_under(
        &mut self,
        node: usize,
        span: std::ops::Range<usize>,
        range: &std::ops::Range<usize>,
        bound: u64,
        places: &mut Vec<usize>,
    ) {
        if span.end <= range.start || range.end <= span.start || self.nodes[node] > bound {
            return;
        }
        if node >= self.size {
            places.push(span.start);
            self.nodes[node] = u64::MAX;
            return;
        }
        let middle = span.start.midpoint(span.end);
        self.take_under(2 * node, span.start..middle, range, bound, places);
        self.take_under(2 * node + 1, middle..span.end, range, bound, places);
        self.nodes[node] = self.nodes[2 * node].min(self.nodes[2 * node + 1]);
    }
}

/// How often each place is covered; places that are bare are found once each, in O(log n).
pub(super) struct Coverage {
    size: usize,
    /// Of each node: the smallest count below it, without what is pending above it.
    least: Vec<u32>,
    /// Of each node: by how much everything below it has been uncovered.
    pending: Vec<u32>,
}

/// More than any count: a place that was found bare, or that does not exist.
const GONE: u32 = u32::MAX / 2;

impl Coverage {
    pub(super) fn new(counts: impl ExactSizeIterator<Item = u32>) -> Self {
        let size = counts.len().next_power_of_two();
        let mut least = vec![GONE; 2 * size];
        for (place, count) in counts.enumerate() {
            least[size + place] = count;
        }
        for node in (1..size).rev() {
            least[node] = least[2 * node].min(least[2 * node + 1]);
        }
        Self { size, least, pending: vec![0; 2 * size] }
    }

    /// Takes one cover off a range, every place of which must have one or be gone; adds the places that are bare now.
    pub(super) fn uncover(&mut self, range: std::ops::Range<usize>, bare: &mut Vec<usize>) {
        if !range.is_empty() {
            self.uncover_under(1, 0..self.size, &range, 0, bare);
        }
    }

    /// The places that are bare at the start.
    pub(super) fn bare(&mut self) -> Vec<usize> {
        let mut bare = Vec::new();
        self.collect(1, 0..self.size, 0, &mut bare);
        bare
    }

    fn uncover_under(
        &mut self,
        node: usize,
        span: std::ops::Range<usize>,
        range: &std::ops::Range<usize>,
        above: u32,
        bare: &mut Vec<usize>,
    ) {
        if span.end <= range.start || range.end <= span.start {
            return;
        }
        if range.start <= span.start && span.end <= range.end {
            self.least[node] -= 1;
            self.pending[node] += 1;
            return self.collect(node, span, above, bare);
        }
        let middle = span.start.midpoint(span.end);
        let above = above + self.pending[node];
        self.uncover_under(2 * node, span.start..middle, range, above, bare);
        self.uncover_under(2 * node + 1, middle..span.end, range, above, bare);
        self.least[node] = self.least[2 * node].min(self.least[2 * node + 1]) - self.pending[node];
    }

    /// Adds the bare places below a node and marks them as gone.
    fn collect(&mut self, node: usize, span: std::ops::Range<usize>, above: u32, bare: &mut Vec<usize>) {
        if self.least[node] != above {
            return;
        }
        if node >= self.size {
            bare.push(span.start);
            self.least[node] = GONE + above;
            return;
        }
        let middle = span.start.midpoint(span.end);
        let below = above + self.pending[node];
        self.collect(2 * node, span.start..middle, below, bare);
        self.collect(2 * node + 1, middle..span.end, below, bare);
        self.least[node] = self.least[2 * node].min(self.least[2 * node + 1]) - self.pending[node];
    }
}
