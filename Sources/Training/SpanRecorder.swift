import Synchronization

/// Measures what one thread does: the one place where a clock is read, for totals and for timelines.
///
/// Spans nest. The total of a kind counts the time in its spans without the spans inside them, so the totals of all kinds
/// sum to the time that outermost spans took.
///
/// A span costs two readings of the clock and a few stores. It allocates nothing and takes no lock. Spans themselves are kept only if there
/// is room for some, and then in memory that was reserved before: when that is full, the later ones still count in the totals.
///
/// `@unchecked Sendable` is safe because one thread records; others read what is atomic at any time, and the spans once that
/// thread has ended or handed over (`BucketQueue`).
final class SpanRecorder: @unchecked Sendable {
  /// The spans kept, in the order of their ends.
  var spans: UnsafeBufferPointer<Span> { UnsafeBufferPointer(rebasing: storage[..<count]) }
  /// The step of the first span that found no room.
  private(set) var firstDroppedStep: Int?
  /// Steps done so far; the recording thread sets it.
  var step = 0
  /// When the span began and ended that was closed last.
  private(set) var latest: (begin: Int64, end: Int64) = (0, 0)

  private let storage: UnsafeMutableBufferPointer<Span>
  private var count = 0
  /// Open spans, outermost first, with the time in spans that were closed inside each.
  private let open: UnsafeMutableBufferPointer<(span: Span, inside: Int64)>
  private var depth = 0
  private let totals: UnsafeMutableBufferPointer<Atomic<Int64>>
  /// Kind of the innermost open span plus 1 and its number, in one word; 0 for none.
  private let activity = Atomic<Int>(0)
  private let activityStep = Atomic<Int>(0)
  private let activityBegin = Atomic<Int64>(0)

  /// - Parameter capacity: spans to keep; 0 for totals alone.
  init(capacity: Int = 0) {
    storage = .allocate(capacity: capacity)
    open = .allocate(capacity: 8)
    totals = .allocate(capacity: Span.Kind.allCases.count)
    for index in totals.indices { (totals.baseAddress.unsafelyUnwrapped + index).initialize(to: Atomic(0)) }
    activityBegin.store(Clock.nanoseconds, ordering: .relaxed)
  }

  deinit {
    storage.deallocate()
    open.deallocate()
    totals.deinitialize()
    totals.deallocate()
  }

  /// Opens a span inside the one that is open.
  func begin(_ kind: Span.Kind, _ number: Int = 0) {
    precondition(depth < open.count, "SpanRecorder.begin: spans nest deeper than \(open.count)")
    let now = Clock.nanoseconds
    open[depth] = (Span(kind: kind, step: Int32(step), number: Int32(number), begin: now, end: now), 0)
    depth += 1
    show(now)
  }

  /// Closes the span that was opened last. Returns how many seconds it took.
  @discardableResult func end() -> Double {
    precondition(depth > 0, "SpanRecorder.end: no span is open")
    depth -= 1
    var span = open[depth].span
    span.end = Clock.nanoseconds
    latest = (span.begin, span.end)
    keep(span, inside: open[depth].inside)
    show(span.end)
    return Double(span.nanoseconds) * 1e-9
  }

  /// Seconds since the outermost open span began.
  var elapsed: Double { depth > 0 ? Double(Clock.nanoseconds - open[0].span.begin) * 1e-9 : 0 }

  /// Adds a span that has ended inside the one that is open, after all others in it; times as `Clock` gives them.
  func add(_ kind: Span.Kind, _ number: Int = 0, from begin: Int64, to end: Int64) {
    keep(
      Span(
        kind: kind, step: Int32(step), number: Int32(number), begin: begin, end: max(begin, end)),
      inside: 0)
  }

  /// Seconds so far in spans of that kind, without the spans inside them. Any thread may ask.
  func seconds(_ kind: Span.Kind) -> Double {
    Double(totals[Int(kind.rawValue)].load(ordering: .relaxed)) * 1e-9
  }

  /// The innermost open span, and since when; without a kind, when the last one ended. Any thread may ask.
  var current: (kind: Span.Kind?, number: Int, step: Int, begin: Int64) {
    let word = activity.load(ordering: .acquiring)
    return (
      word == 0 ? nil : Span.Kind(rawValue: UInt8(word & 0xff) - 1), word >> 8,
      activityStep.load(ordering: .relaxed), activityBegin.load(ordering: .relaxed)
    )
  }

  private func keep(_ span: Span, inside: Int64) {
    let total = Int(span.kind.rawValue)
    // One thread writes, so that no atomic addition is needed.
    totals[total].store(
      totals[total].load(ordering: .relaxed) + span.nanoseconds - inside, ordering: .relaxed)
    if depth > 0 { open[depth - 1].inside += span.nanoseconds }
    guard storage.count > 0 else { return }
    if count < storage.count {
      storage[count] = span
      count += 1
    } else if firstDroppedStep == nil {
      firstDroppedStep = Int(span.step)
    }
  }

  private func show(_ now: Int64) {
    let top = depth > 0 ? open[depth - 1].span : nil
    activityStep.store(Int(top?.step ?? Int32(step)), ordering: .relaxed)
    activityBegin.store(top?.begin ?? now, ordering: .relaxed)
    activity.store(top.map { Int($0.kind.rawValue) + 1 | Int($0.number) << 8 } ?? 0, ordering: .releasing)
  }
}
