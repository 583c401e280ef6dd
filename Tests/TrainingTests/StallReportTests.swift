import Testing

@testable import Training

@Suite struct StallReportTests {
  private func report(
    answers: [Int: RowPosition], silent: [Int] = [], peer: Int? = nil, hosts: Int = 6
  ) -> StallReport {
    StallReport(
      rank: 0, hosts: (0..<hosts).map { "n\($0)" },
      collective: Collective(.bucket, step: 16, bucket: 2, count: 1024).text(algorithm: "ring"), entered: 9,
      seconds: 30.2, peer: peer, row: 1, answers: answers.mapValues { [RowPosition(), $0] }, silent: silent)
  }

  private let inside = RowPosition(entered: 9, collective: Collective(.bucket, step: 16, bucket: 2))

  @Test func itNamesRankHostStepBucketAndAlgorithm() {
    let line = report(answers: [1: inside], silent: [2]).line
    #expect(
      line == "rank 0: no progress for 30 s in the sum of bucket 3 of step 17 (ring, 1024 elements) on n0: "
        + "waits for rank 2 (n2), which gives no sign of life: stopped, or cut off")
  }

  @Test func aRankThatComputesIsNamedWithWhatItDoes() {
    var report = report(answers: [1: inside, 3: RowPosition(entered: 8)])
    report.answers[3]?[0].activity = .init(kind: .backward, step: 16, number: 1, seconds: 31.4)
    #expect(
      report.line.hasSuffix(
        "waits for rank 3 (n3), which has not come to it and is in backward of microbatch 2, step 17, for 31 s"
      ))
    #expect(report.namesCulprit)
  }

  /// A rank that still evaluates is not at the collective that follows: the line must not name both alike.
  @Test func whoStillEvaluatesIsToldFromWhoAddsUp() {
    var report = report(answers: [3: RowPosition(entered: 8)])
    report.collective = Collective(.evaluation, step: 20).text()
    report.answers[3]?[0].activity = .init(kind: .evaluation, step: 20, seconds: 31.4)
    #expect(
      report.line
        == "rank 0: no progress for 30 s in the sums of the evaluation after step 20 on n0: waits for rank 3 (n3), which has not "
        + "come to it and is in the evaluation after step 20, for 31 s")
  }

  /// Rank 1 waits in an earlier collective for rank 2 as well.
  @Test func whoComputesIsBlamedBeforeWhoWaits() {
    let earlier = RowPosition(entered: 8, collective: Collective(.bucket, step: 16, bucket: 1))
    let line = report(answers: [1: earlier, 2: RowPosition(entered: 7)]).line
    #expect(line.contains("waits for rank 2 (n2), which has not come to it and is outside of its steps"))
    let all = report(answers: [1: earlier, 2: earlier]).line
    #expect(all.contains("waits for ranks 1 (n1), 2 (n2), which have not come to it; "))
    #expect(all.contains("rank 1 is in the sum of bucket 2"))
  }

  /// How long it takes depends on the state and the disk, and a job that is ended begins to read it again.
  @Test func whoReadsOrWritesFilesIsWaitedForWithoutEnd() {
    var report = report(answers: [1: inside, 3: RowPosition(entered: 8)])
    #expect(report.mayEnd)
    report.answers[3]?[0].activity = .init(kind: .files, step: 40, seconds: 400)
    #expect(
      report.line.hasSuffix(
        "which has not come to it and is reading or writing files, after step 40, for 400 s"))
    #expect(report.namesCulprit && !report.mayEnd)
    report.silent = [2]
    #expect(report.mayEnd)
  }

  /// In a large job most ranks ask nobody.
  @Test func whoKnowsNothingDoesNotEndWhatTakesAsLongAsItTakes() {
    for kind in [Collective.Kind.state, .checkpoint, .end, .verdict] {
      var report = report(answers: [:])
      report.isOpenEnded = Collective(kind).isOpenEnded
      #expect(report.mayEnd == (kind == .verdict))
      report.answers = [3: [RowPosition(entered: 8), RowPosition(entered: 8)]]
      #expect(report.mayEnd)
    }
  }

  @Test func filesInACollectiveCountAsWorkBeforeIt() {
    let row = ThreadRow(.compute, spans: SpanRecorder())
    row.collective(Collective(.state)) {
      let inside = row.position
      row.files {
        let outside = row.position
        #expect(outside.collective == nil && outside.entered == inside.entered - 1)
        #expect(outside.activity.kind == .files)
      }
      #expect(row.position.collective == inside.collective && row.position.entered == inside.entered)
    }
    row.files { #expect(row.position.entered == 1) }
    #expect(row.position.collective == nil && row.position.entered == 1)
  }

  @Test func withNobodyBehindItNamesThePeer() {
    let report = report(answers: [1: inside, 2: inside], peer: 2)
    #expect(report.line.contains("waits for rank 2 (n2), which is in it or past it"))
    #expect(!report.namesCulprit)
    #expect(self.report(answers: [:], peer: 2).line.hasSuffix("waits for rank 2 (n2)"))
  }

  @Test func manyRanksAreCut() {
    let line = report(answers: [:], silent: [1, 2, 3, 4, 5]).line
    #expect(line.contains("ranks 1 (n1), 2 (n2), 3 (n3), 4 (n4) and 1 more, which give no sign of life"))
  }

  @Test func wordsCarryAPosition() {
    var position = RowPosition(entered: 5, collective: Collective(.loss, step: 3), peer: 0)
    position.activity = .init(kind: .load, step: 2, number: 1, seconds: 1.25)
    #expect(RowPosition(words: position.words) == position)
    #expect(RowPosition(words: RowPosition().words) == RowPosition())
    #expect(position.words.count == RowPosition.wordCount)
    #expect(RowPosition(words: [1]) == nil)
  }

  @Test func timeCountsOnlyWithoutProgressInOneCollective() {
    var clock = StallClock()
    var position = RowPosition(entered: 1, collective: Collective(.loss))
    #expect(clock.look(position, elapsed: 1) == 0)
    #expect(clock.look(position, elapsed: 1) == 1)
    #expect(clock.look(position, elapsed: 2) == 3)
    position.moves = 1
    #expect(clock.look(position, elapsed: 1) == 0)
    #expect(clock.look(position, elapsed: 1) == 1)
    position.entered = 2
    #expect(clock.look(position, elapsed: 1) == 0)
    position.collective = nil
    for _ in 0..<3 { #expect(clock.look(position, elapsed: 1) == 0) }
  }

  @Test func theCheckNamesTheMinority() {
    let (here, there) = (Collective(.bucket, step: 4, bucket: 1, count: 10), Collective(.loss, step: 4))
    #expect(CollectiveCheck.verdict([here, here, here]) == nil)
    #expect(CollectiveCheck.verdict([here]) == nil)
    #expect(
      CollectiveCheck.verdict([here, there, here])
        == "the ranks' collectives differ: rank 1 is at the mean loss of step 4; the other 2 are at the sum of "
        + "bucket 2 of step 5 (10 elements)")
    #expect(
      CollectiveCheck.verdict([there, here])
        == "the ranks' collectives differ, and none has a majority: rank 0 is at the mean loss of step 4; rank 1 is "
        + "at the sum of bucket 2 of step 5 (10 elements)")
    let other = Collective(.bucket, step: 4, bucket: 1, count: 11)
    let three = CollectiveCheck.verdict([here, there, here, other, here])
    #expect(three?.contains("rank 1 is at the mean loss") == true && three?.contains("(11 elements)") == true)
  }
}
