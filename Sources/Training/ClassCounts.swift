/// How many samples of each class there are, and what they were taken for.
struct ClassCounts: Sendable, Equatable {
  /// More classes than this have no confusion matrix, only what precision and recall need.
  static let mostInMatrix = 1000

  let classes: Int
  /// For each class its samples, the samples taken for it, and those that are both.
  private(set) var actual: [Int64]
  private(set) var predicted: [Int64]
  private(set) var correct: [Int64]
  /// [label, prediction], row-major; empty for too many classes.
  private var matrix: [Int64]

  init(classes: Int) {
    self.classes = classes
    actual = Array(repeating: 0, count: classes)
    predicted = actual
    correct = actual
    matrix = Array(repeating: 0, count: classes <= Self.mostInMatrix ? classes * classes : 0)
  }

  mutating func add(label: Int, prediction: Int) {
    actual[label] += 1
    predicted[prediction] += 1
    if label == prediction { correct[label] += 1 }
    if !matrix.isEmpty { matrix[label * classes + prediction] += 1 }
  }

  /// Samples whose class was found.
  var correctCount: Int { Int(correct.reduce(0, +)) }

  /// A row for each class of samples, a column for each class that they were taken for; nil for more than 1,000 classes.
  var confusionMatrix: [[Int]]? {
    matrix.isEmpty
      ? nil : (0..<classes).map { label in matrix[label * classes..<(label + 1) * classes].map { Int($0) } }
  }

  /// Of what was taken for a class the share that is, of what is one the share that was taken for it, and their harmonic mean.
  struct Rates: Equatable {
    var precision, recall, f1: Double
  }

  /// Of one class. A quotient by 0 is 0.
  func rates(of index: Int) -> Rates {
    func share(_ part: Int64, _ whole: Int64) -> Double { whole == 0 ? 0 : Double(part) / Double(whole) }
    return Rates(
      precision: share(correct[index], predicted[index]), recall: share(correct[index], actual[index]),
      f1: share(2 * correct[index], predicted[index] + actual[index]))
  }

  /// Of class 1 where there are two, else the mean over the classes that occur among labels or predictions: as scikit-learn has them by
  /// default, with `average="macro"` for more than two.
  var rates: Rates {
    if classes == 2 { return rates(of: 1) }
    let present = (0..<classes).filter { actual[$0] + predicted[$0] > 0 }
    var sum = Rates(precision: 0, recall: 0, f1: 0)
    for index in present {
      let rates = rates(of: index)
      sum.precision += rates.precision
      sum.recall += rates.recall
      sum.f1 += rates.f1
    }
    let count = Double(max(1, present.count))
    return Rates(precision: sum.precision / count, recall: sum.recall / count, f1: sum.f1 / count)
  }
}

// Counts of several ranks add up.
extension ClassCounts {
  var words: [Int64] { actual + predicted + correct + matrix }

  /// - Parameter words: as many as `words` of so many classes has.
  init(classes: Int, words: some Collection<Int64>) {
    self.init(classes: classes)
    precondition(words.count == 3 * classes + matrix.count, "ClassCounts: expected other words")
    var rest = Array(words)[...]
    func take(_ count: Int) -> [Int64] {
      defer { rest = rest.dropFirst(count) }
      return Array(rest.prefix(count))
    }
    actual = take(classes)
    predicted = take(classes)
    correct = take(classes)
    matrix = take(matrix.count)
  }
}
