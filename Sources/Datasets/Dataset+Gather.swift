/// Copies of chosen samples into the buffers of a microbatch. Nothing is allocated.
///
/// Each function stops the process when an index is not in 0..<``Dataset/count`` or the labels are of the other kind: the
/// order of samples and the choice of loss are made in code, not by input.
extension Dataset {
  /// Copies the features of `samples`.
  ///
  /// - Parameter rows: `samples.count` x `featureCount`, row-major; room for exactly that many elements.
  public func gather(_ samples: Span<Int>, into rows: inout MutableSpan<Float>) {
    precondition(
      rows.count == samples.count * featureCount,
      "Dataset.gather: expected room for \(samples.count) x \(featureCount) elements, found \(rows.count)")
    samples.withUnsafeBufferPointer { samples in
      rows.withUnsafeMutableBufferPointer { rows in
        if let start = rows.baseAddress { gather(samples, into: start) }
      }
    }
  }

  /// Copies the classes of `samples`, one element each.
  public func gatherClasses(_ samples: Span<Int>, into classes: inout MutableSpan<Int32>) {
    precondition(
      classes.count == samples.count,
      "Dataset.gatherClasses: expected room for \(samples.count) elements, found \(classes.count)")
    samples.withUnsafeBufferPointer { samples in
      classes.withUnsafeMutableBufferPointer { classes in
        if let start = classes.baseAddress { gatherClasses(samples, into: start) }
      }
    }
  }

  /// Copies the values of `samples`, one element each.
  public func gatherValues(_ samples: Span<Int>, into values: inout MutableSpan<Float>) {
    precondition(
      values.count == samples.count,
      "Dataset.gatherValues: expected room for \(samples.count) elements, found \(values.count)")
    samples.withUnsafeBufferPointer { samples in
      values.withUnsafeMutableBufferPointer { values in
        if let start = values.baseAddress { gatherValues(samples, into: start) }
      }
    }
  }

  /// As the function on spans, for buffers in an arena: `rows` has room for `samples.count` x `featureCount` elements,
  /// which may be uninitialised.
  package func gather(_ samples: UnsafeBufferPointer<Int>, into rows: UnsafeMutablePointer<Float>) {
    let width = featureCount
    let count = count
    features.withUnsafeBufferPointer { features in
      guard let start = features.baseAddress else {
        return precondition(samples.isEmpty, "Dataset.gather: the data set is empty")
      }
      for (row, sample) in samples.enumerated() {
        precondition(0 <= sample && sample < count, "Dataset.gather: no sample \(sample) among \(count)")
        (rows + row * width).initialize(from: start + sample * width, count: width)
      }
    }
  }

  package func gatherClasses(_ samples: UnsafeBufferPointer<Int>, into classes: UnsafeMutablePointer<Int32>) {
    guard case .classes(let all, _) = labels else {
      preconditionFailure("Dataset.gatherClasses: the labels are values")
    }
    for (row, sample) in samples.enumerated() { (classes + row).initialize(to: all[sample]) }
  }

  package func gatherValues(_ samples: UnsafeBufferPointer<Int>, into values: UnsafeMutablePointer<Float>) {
    guard case .values(let all) = labels else {
      preconditionFailure("Dataset.gatherValues: the labels are classes")
    }
    for (row, sample) in samples.enumerated() { (values + row).initialize(to: all[sample]) }
  }
}
