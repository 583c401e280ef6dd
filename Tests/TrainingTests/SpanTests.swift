import Testing

@testable import Training

@Suite struct SpanTests {
  @Test func totalsOfAllKindsSumToTheOutermostSpans() {
    let spans = SpanRecorder(capacity: 100)
    spans.begin(.step)
    for microbatch in 0..<3 {
      spans.begin(.forward, microbatch)
      spans.end()
      spans.begin(.backward, microbatch)
      spans.begin(.update)
      spans.end()
      spans.end()
    }
    let now = Clock.nanoseconds
    spans.add(.rendezvous, from: now, to: now + 10)
    let seconds = spans.end()
    let total = Span.Kind.allCases.reduce(0) { $0 + spans.seconds($1) }
    #expect(abs(total - seconds) < 1e-12 && seconds > 0)
    #expect(spans.spans.map(\.kind).filter { $0 == .forward }.count == 3)
    #expect(spans.spans.count == 11 && spans.spans.last?.kind == .step)
    #expect(spans.seconds(.rendezvous) == 1e-8)
  }

  @Test(arguments: [0, 1, 5]) func aFullRecorderKeepsItsTotalsAndSaysWhereItStopped(capacity: Int) {
    let spans = SpanRecorder(capacity: capacity)
    for step in 0..<10 {
      spans.step = step
      spans.begin(.step)
      spans.end()
    }
    #expect(spans.spans.count == capacity)
    #expect(spans.firstDroppedStep == (capacity == 0 ? nil : capacity))
    #expect(spans.seconds(.step) > 0)
  }

  @Test func theOpenSpanIsThereForOthersToSee() {
    let spans = SpanRecorder()
    #expect(spans.current.kind == nil)
    spans.step = 4
    spans.begin(.step)
    spans.begin(.forward, 7)
    #expect(spans.current.kind == .forward && spans.current.number == 7 && spans.current.step == 4)
    spans.end()
    #expect(spans.current.kind == .step)
    spans.end()
    #expect(spans.current.kind == nil)
  }

  @Test func wordsCarryASpan() {
    for kind in Span.Kind.allCases {
      let span = Span(kind: kind, step: 2_000_000_000, number: 0xff_ffff, begin: -5, end: 1 << 60)
      let words = span.words
      #expect(Span(words.0, words.1, words.2) == span)
    }
    #expect(Span(0, 0, -1) == nil)
  }

  @Test func aClockThatDriftsIsAlignedInAStraightLine() {
    // It is ahead by 1000 at its time 0, and by 3000 at its time 10,000.
    let clock = ClockAlignment(
      start: .init(time: 0, offset: 1000, error: 7), end: .init(time: 10_000, offset: 3000, error: 9))
    #expect(clock.aligned(0) == -1000)
    #expect(clock.aligned(5000) == 3000)
    #expect(clock.aligned(10_000) == 7000)
    #expect(clock.aligned(20_000) == 15_000)
    #expect(clock.error == 9)
    let alone = ClockOffset(time: 5, offset: 0, error: 0)
    #expect(ClockAlignment(start: alone, end: alone).aligned(17) == 17)
  }
}
