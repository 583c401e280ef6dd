import Foundation
import Testing

@testable import Training

@Suite struct TrainingProgressTests {
  /// In memory and in a checkpoint it is the same: what one of them left out, a resumed run would not know.
  @Test(arguments: [nil] + Metric.allCases.map(Optional.some))
  func wordsAndFilesKeepAll(metric: Metric?) throws {
    var random = SystemRandomNumberGenerator()
    var progress = TrainingProgress()
    for skipped in [false, true, true, false, true] {
      progress.add(loss: .random(in: 0...9, using: &random), isSkipped: skipped)
    }
    progress.beginEpoch()
    progress.add(loss: 2, isSkipped: false)
    progress.add(loss: .nan, isSkipped: true)
    if let metric { progress.keep(by: metric, -0.25, step: 4) }
    (progress.secondsSinceLine, progress.trainingSeconds, progress.wallSeconds) = (0.1, 0.2, 0.3)
    (progress.bytesSent, progress.communicationSeconds, progress.exposedSeconds) = (7, 0.4, 0.5)
    (progress.evaluatedStep, progress.bestStep, progress.bestMetric) = (3, 2, .infinity)
    progress.evaluationsSinceBest = 1
    var words = [Int64](repeating: .min, count: TrainingProgress.wordCount)
    let copy = words.withUnsafeMutableBufferPointer { buffer in
      buffer.baseAddress.map {
        progress.write(to: $0)
        return TrainingProgress(words: $0)
      }
    }
    #expect(copy == progress && !words.contains(.min))
    progress.bestMetric = 1
    let coded = try JSONEncoder().encode(progress)
    #expect(try JSONDecoder().decode(TrainingProgress.self, from: coded) == progress)
  }
}
