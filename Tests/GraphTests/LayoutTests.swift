import Graph
import Kernels
import Testing

/// Reshape, permute, slice, concatenate.
@Suite struct LayoutTests {
  private static let permutations: [(shape: Shape, axes: [Int])] = [
    ([5], [0]), ([3, 4], [1, 0]), ([3, 4], [0, 1]), ([2, 3, 4], [2, 0, 1]), ([2, 3, 4], [1, 0, 2]),
    ([2, 3, 4], [0, 2, 1]), ([2, 3, 4, 5], [0, 2, 1, 3]), ([2, 3, 4, 5], [3, 1, 0, 2]),
    ([1, 3, 1, 2], [3, 2, 1, 0]),
    ([70, 300], [1, 0]), ([3, 65, 37], [0, 2, 1]), ([9, 33, 5, 34], [3, 1, 2, 0]),
  ]

  @Test(arguments: permutations) func axesMove(_ shape: Shape, _ axes: [Int]) throws {
    let x = TracedFunction.numbers(shape.count, key: 8)
    let found = try TracedFunction([shape]) { $0[0].permuted(axes) }(x)
    #expect(found.shape.extents == axes.map { shape[$0] })
    for (place, value) in zip(places(of: found.shape), found.elements) {
      var source = place
      for (output, input) in axes.enumerated() { source[input] = place[output] }
      #expect(value == x[offset(of: source, in: shape)], "\(place)")
    }
    let back = try TracedFunction([found.shape]) { $0[0].permuted(Permutation.inverse(of: axes)) }(
      found.elements)
    #expect(back.elements == x && back.shape == shape)
    if shape.count < 200 { try TracedFunction([shape]) { $0[0].permuted(axes) }.expectExactGradients() }
  }

  @Test func transposedExchangesTwoAxes() throws {
    let x = TracedFunction.numbers(24, key: 8)
    let shape: Shape = [2, 3, 4]
    let found = try TracedFunction([shape]) { $0[0].transposed() }(x)
    #expect(found == (try TracedFunction([shape]) { $0[0].permuted([0, 2, 1]) }(x)))
    #expect(try TracedFunction([shape]) { $0[0].transposed(0, -1) }(x).shape == [4, 3, 2])
    #expect(TracedFunction([shape]) { $0[0].transposed(0, 3) }.error.contains("two axes of [2, 3, 4]"))
    #expect(
      TracedFunction([shape]) { $0[0].permuted([0, 1, 1]) }.error.contains("each axis of [2, 3, 4] once"))
  }

  @Test func slicesTakeABox() throws {
    let x = TracedFunction.numbers(4 * 5 * 6, key: 9)
    let boxes: [[Range<Int>?]] = [
      [1..<3], [nil, 0..<2], [nil, nil, 2..<3], [3..<4, 1..<4, 0..<6], [0..<4, 4..<5, 5..<6], [],
    ]
    for box in boxes {
      func slice(_ x: Tensor) -> Tensor {
        switch box.count {
        case 0: x.sliced()
        case 1: x.sliced(box[0])
        case 2: x.sliced(box[0], box[1])
        default: x.sliced(box[0], box[1], box[2])
        }
      }
      let found = try TracedFunction([[4, 5, 6]]) { slice($0[0]) }(x)
      for (place, value) in zip(places(of: found.shape), found.elements) {
        let source = place.enumerated().map { axis, i in
          i + (axis < box.count ? box[axis]?.lowerBound ?? 0 : 0)
        }
        #expect(value == x[offset(of: source, in: [4, 5, 6])], "\(box) \(place)")
      }
      try TracedFunction([[4, 5, 6]]) { slice($0[0]) }.expectExactGradients()
    }
    let axis = try TracedFunction([[4, 5, 6]]) { $0[0].sliced(1..<3, axis: -1) }(x)
    #expect(axis == (try TracedFunction([[4, 5, 6]]) { $0[0].sliced(nil, nil, 1..<3) }(x)))
  }

  @Test func slicesOutsideAreRefused() {
    let error = TracedFunction([[4, 5]]) { $0[0].sliced(nil, 2..<6) }.error
    #expect(error == "slice: expected ranges of indices of [4, 5] that are not empty, found all, 2..<6")
    #expect(TracedFunction([[4, 5]]) { $0[0].sliced(2..<2) }.error.contains("not empty"))
    #expect(TracedFunction([[4]]) { $0[0].sliced(0..<1, 0..<1) }.error.contains("slice"))
    #expect(TracedFunction([[4]]) { $0[0].sliced(0..<1, axis: 1) }.error.contains("an axis of [4]"))
  }

  @Test(arguments: [0, 1, 2, -1]) func concatenationAlongAnAxis(_ axis: Int) throws {
    let chosen = axis < 0 ? 2 : axis
    let shapes = [2, 1, 3].map { extent in Shape([4, 5, 6].enumerated().map { $0 == chosen ? extent : $1 }) }
    let x = shapes.enumerated().map { TracedFunction.numbers($1.count, key: UInt64($0)) }
    let found = try TracedFunction(shapes) { concatenate($0, axis: axis) }(x[0], x[1], x[2])
    #expect(found.shape[chosen] == 6)
    for (place, value) in zip(places(of: found.shape), found.elements) {
      let part = [0, 0, 1, 2, 2, 2][place[chosen]]
      var source = place
      source[chosen] -= [0, 2, 3][part]
      #expect(value == x[part][offset(of: source, in: shapes[part])], "\(place)")
    }
    try TracedFunction(shapes) { concatenate($0, axis: axis) }.expectExactGradients()
  }

  @Test func concatenationOfATensorWithItself() throws {
    try TracedFunction([[2, 3]]) { concatenate([$0[0], $0[0]], axis: 1) }.expectExactGradients()
  }

  @Test func concatenationRefusesOtherExtents() {
    let error = TracedFunction([[2, 3], [3, 3]]) { concatenate($0, axis: 1) }.error
    #expect(
      error == "concatenate: expected shapes that are equal but for axis 1, found [2, 3], [3, 3]")
    #expect(TracedFunction([[2, 3], [2]]) { concatenate($0, axis: 1) }.error.contains("concatenate"))
    #expect(TracedFunction([[2, 3]]) { concatenate($0, axis: 2) }.error.contains("concatenate"))
  }

  @Test func reshapeKeepsTheElements() throws {
    let x = TracedFunction.numbers(24, key: 9)
    let found = try TracedFunction([[4, 6]]) { ($0[0] * 2).reshaped(to: [2, -1, 3]) }(x)
    #expect(found.shape == [2, 4, 3] && found.elements == x.map { 2 * $0 })
    try TracedFunction([[4, 6]]) { $0[0].reshaped(to: [-1]) * $0[0].reshaped(to: [24]) }
      .expectExactGradients()
    try TracedFunction([[4, 6]]) { tanh($0[0].reshaped(to: [8, 3])) }.expectExactGradients()
    for extents in [[5, 5], [-1, 5], [-1, -1], [0, -1]] {
      #expect(
        TracedFunction([[4, 6]]) { $0[0].reshaped(to: extents) }.error.contains("reshape"), "\(extents)")
    }
  }

  @Test func threadsDoNotChangeABit() throws {
    try TracedFunction([[300, 257]]) { $0[0].transposed() }.expectSameBitsOnAnyThreads()
    try TracedFunction([[30, 40, 70]]) { $0[0].permuted([1, 0, 2]) }.expectSameBitsOnAnyThreads()
    try TracedFunction([[300, 257]]) { $0[0].sliced(3..<290, 5..<250) }.expectSameBitsOnAnyThreads()
    try TracedFunction([[300, 257], [300, 64]]) { concatenate($0, axis: 1) }.expectSameBitsOnAnyThreads()
  }
}
