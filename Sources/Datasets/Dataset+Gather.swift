/// Copies of chosen samples into the buffers of a microbatch. Nothing is allocated.
///
/// Each function stops the process when an index is not in 0..<``Dataset/count``, or there are no such features or labels: the
/// order of samples and the choice of model and loss are made in code, not by input.
extension Dataset {
  /// Copies the numbers of `samples`.
  ///
  /// - Parameter rows: `samples.count` x `featureCount`, row-major; room for exactly that many elements.
  public func gather(_ samples: Span<Int>, into rows: inout MutableSpan<Float>) {
    Self.withPointers(samples, &rows, perSample: featureCount) { gather($0, into: $1) }
  }

  /// Copies the codes of `samples`.
  ///
  /// - Parameter rows: `samples.count` x `codes.width`, row-major; room for exactly that many elements.
  public func gather(_ samples: Span<Int>, into rows: inout MutableSpan<Int32>) {
    Self.withPointers(samples, &rows, perSample: codes?.width ?? 0) { gather($0, into: $1) }
  }

  /// Copies the classes of `samples`, one element each.
  public func gatherClasses(_ samples: Span<Int>, into classes: inout MutableSpan<Int32>) {
    Self.withPointers(samples, &classes, perSample: 1) { gatherClasses($0, into: $1) }
  }

  /// Copies the values of `samples`, one element each.
  public func gatherValues(_ samples: Span<Int>, into values: inout MutableSpan<Float>) {
    Self.withPointers(samples, &values, perSample: 1) { gatherValues($0, into: $1) }
  }

  /// Copies the next tokens of `samples`: `samples.count` x `codes.width` elements, row-major. The token at a position follows
  /// the code at that position.
  public func gatherNextTokens(_ samples: Span<Int>, into tokens: inout MutableSpan<Int32>) {
    Self.withPointers(samples, &tokens, perSample: codes?.width ?? 0) { gatherNextTokens($0, into: $1) }
  }

  /// Copies how many codes of each of `samples` are no padding, one element each.
  public func gatherLengths(_ samples: Span<Int>, into lengths: inout MutableSpan<Int32>) {
    Self.withPointers(samples, &lengths, perSample: 1) { gatherLengths($0, into: $1) }
  }

  /// As the function on spans, for buffers in an arena: `rows` has room for `samples.count` x `featureCount` elements,
  /// which may be uninitialised.
  package func gather(_ samples: UnsafeBufferPointer<Int>, into rows: UnsafeMutablePointer<Float>) {
    guard let numbers else { preconditionFailure("Dataset.gather: the features are codes, not numbers") }
    numbers.gather(samples, into: rows)
  }

  /// As the function on spans: room for `samples.count` x `codes.width` elements, which may be uninitialised.
  package func gather(_ samples: UnsafeBufferPointer<Int>, into rows: UnsafeMutablePointer<Int32>) {
    guard let codes else { preconditionFailure("Dataset.gather: the features are numbers, not codes") }
    codes.gather(samples, into: rows)
  }

  package func gatherClasses(_ samples: UnsafeBufferPointer<Int>, into classes: UnsafeMutablePointer<Int32>) {
    guard case .classes(let all, _) = labels else {
      preconditionFailure("Dataset.gatherClasses: the labels are no classes")
    }
    for (row, sample) in samples.enumerated() { (classes + row).initialize(to: all[sample]) }
  }

  package func gatherValues(_ samples: UnsafeBufferPointer<Int>, into values: UnsafeMutablePointer<Float>) {
    guard case .values(let all) = labels else {
      preconditionFailure("Dataset.gatherValues: the labels are no values")
    }
    for (row, sample) in samples.enumerated() { (values + row).initialize(to: all[sample]) }
  }

  package func gatherNextTokens(
    _ samples: UnsafeBufferPointer<Int>, into tokens: UnsafeMutablePointer<Int32>
  ) {
    guard case .nextTokens = labels, let codes else {
      preconditionFailure("Dataset.gatherNextTokens: the labels are no next tokens")
    }
    codes.gatherNextTokens(samples, into: tokens)
  }

  package func gatherLengths(
    _ samples: UnsafeBufferPointer<Int>, into lengths: UnsafeMutablePointer<Int32>
  ) {
    guard let codes else { preconditionFailure("Dataset.gatherLengths: the features are numbers, not codes") }
    codes.gatherLengths(samples, into: lengths)
  }

  private static func withPointers<Element>(
    _ samples: Span<Int>, _ rows: inout MutableSpan<Element>, perSample width: Int,
    caller: String = #function,
    _ body: (UnsafeBufferPointer<Int>, UnsafeMutablePointer<Element>) -> Void
  ) {
    precondition(
      rows.count == samples.count * width,
      "Dataset.\(caller): expected room for \(samples.count) x \(width) elements, found \(rows.count)")
    samples.withUnsafeBufferPointer { samples in
      rows.withUnsafeMutableBufferPointer { rows in
        if let start = rows.baseAddress { body(samples, start) }
      }
    }
  }
}
