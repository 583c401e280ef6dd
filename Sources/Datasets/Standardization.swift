/// Shifts and scales numbers to mean 0 and deviation 1: `(x - mean) * scale`, `scale = 1 / deviation`, per feature. Codes stay.
///
/// Part of a model as much as its weights are: what it was fitted on must be applied to whatever it predicts from.
public struct Standardization: Codable, Sendable, Equatable {
  public let means: [Float]
  /// 1 for a feature that is the same everywhere, so that it becomes 0 and not a quotient by 0.
  public let scales: [Float]

  public init(means: [Float], scales: [Float]) {
    precondition(means.count == scales.count, "Standardization: as many means as scales, one per feature")
    self.means = means
    self.scales = scales
  }

  /// Measures mean and deviation (divided by the count, not by the count - 1) of each feature, in two passes in double
  /// precision. Without samples it changes nothing.
  public init(of dataset: Dataset) {
    let width = dataset.featureCount
    let count = Double(max(dataset.count, 1))
    var means = [Double](repeating: 0, count: width)
    dataset.forEachRow { row in
      for column in 0..<width { means[column] += Double(row[column]) }
    }
    for column in 0..<width { means[column] /= count }
    var variances = [Double](repeating: 0, count: width)
    dataset.forEachRow { row in
      for column in 0..<width {
        let distance = Double(row[column]) - means[column]
        variances[column] += distance * distance
      }
    }
    self.means = means.map { Float($0) }
    // A deviation at the level of rounding is that of a constant, and so is one whose inverse is no float.
    scales = zip(variances, means).map { variance, mean in
      let deviation = (variance / count).squareRoot()
      return deviation > abs(mean) * 1e-7 && Float(1 / deviation).isFinite ? Float(1 / deviation) : 1
    }
  }

  /// - Precondition: the data set has as many numbers as were measured, and is not standardized yet.
  public func applied(to dataset: Dataset) -> Dataset {
    precondition(
      dataset.featureCount == means.count,
      "Standardization: expected \(means.count) features, found \(dataset.featureCount)")
    return Dataset(
      numbers: dataset.numbers?.standardized(self), codes: dataset.codes, labels: dataset.labels,
      labelName: dataset.labelName)
  }

  /// Shifts and scales one row in place.
  func apply(to row: UnsafeMutablePointer<Float>) {
    means.withUnsafeBufferPointer { means in
      scales.withUnsafeBufferPointer { scales in
        for column in means.indices { row[column] = (row[column] - means[column]) * scales[column] }
      }
    }
  }
}

extension Dataset {
  /// Calls `body` with the numbers of one sample after another.
  fileprivate func forEachRow(_ body: (UnsafeMutablePointer<Float>) -> Void) {
    guard let numbers else { return }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: numbers.width) { row in
      guard let start = row.baseAddress else { return }
      for sample in 0..<numbers.count {
        numbers.gather(CollectionOfOne(sample), into: start)
        body(start)
      }
    }
  }
}
