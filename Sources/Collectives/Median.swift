// Of arrays: a generic one would be sorted through witness tables, allocating with every step.
extension [Double] {
  /// The middle of the values, or the mean of the two in the middle; 0 of none.
  package var median: Double {
    guard !isEmpty else { return 0 }
    let sorted = sorted()
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }
}
