/// A value for every element of `0 ..< count`, kept as runs of elements that have the same value.
///
/// What a schedule does to a memory of millions of elements is the same for long runs of them; a map of runs
/// follows it at the cost of the schedule's blocks.
struct IntervalMap<Value> {
  private let count: Int
  /// Where each run starts, ascending; the first at 0. One more at the end: `count`.
  private var bounds: [Int]
  /// The value of each run.
  private(set) var values: [Value]

  init(count: Int, repeating value: Value) {
    self.count = count
    bounds = count == 0 ? [0] : [0, count]
    values = count == 0 ? [] : [value]
  }

  /// The elements of a run.
  func elements(ofRun run: Int) -> Range<Int> { bounds[run]..<bounds[run + 1] }

  /// The value of a run, by its number. Numbers hold until `cut`.
  subscript(run: Int) -> Value {
    get { values[run] }
    set { values[run] = newValue }
  }

  /// Makes runs begin and end where `range` does, and gives their numbers.
  mutating func cut(_ range: Range<Int>) -> Range<Int> {
    guard !range.isEmpty else { return 0..<0 }
    let first = cut(at: range.lowerBound)
    return first..<cut(at: range.upperBound)
  }

  /// Calls `body` for the parts of the runs that lie in `range`, in ascending order.
  func forEach(in range: Range<Int>, _ body: (Range<Int>, Value) -> Void) {
    guard !range.isEmpty else { return }
    var run = run(at: range.lowerBound)
    while run < values.count && bounds[run] < range.upperBound {
      body(elements(ofRun: run).clamped(to: range), values[run])
      run += 1
    }
  }

  mutating func set(_ value: Value, in range: Range<Int>) {
    for run in cut(range) { values[run] = value }
  }

  /// Makes a run begin at `element`, and gives its number.
  private mutating func cut(at element: Int) -> Int {
    guard element < count else { return values.count }
    let run = run(at: element)
    guard bounds[run] < element else { return run }
    bounds.insert(element, at: run + 1)
    values.insert(values[run], at: run + 1)
    return run + 1
  }

  /// The run that holds `element`: the last one that begins at or before it.
  private func run(at element: Int) -> Int {
    var lower = 0
    var upper = values.count
    while upper - lower > 1 {
      let middle = (lower + upper) / 2
      if bounds[middle] <= element { lower = middle } else { upper = middle }
    }
    return lower
  }
}
