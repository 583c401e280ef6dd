import BLAS
import Graph
import Testing

@Suite struct OneHotTests {
  @Test(arguments: [1, 3]) func aLabelIsARowWithASingleOne(_ threads: Int) throws {
    let trace = Trace(microbatch: 2)
    let labels = trace.input("labels", perSample: [3], of: .int32)
    let rows = oneHot(labels, classes: 4)
    #expect(rows.shape == [2, 3, 4])
    let graph = try trace.finish(loss: nil, outputs: [rows])
    let executor = Executor(graph, pool: ThreadPool(threads: threads), seed: 1)
    let given: [Int32] = [0, 3, 1, 2, 2, 0]
    executor.setInput(labels, to: given.span, training: false)
    executor.forward(training: false)
    #expect(
      executor.elements(of: rows, training: false)
        == given.flatMap { label in (0..<4).map { $0 == label ? Float(1) : 0 } })
    let wrong: [Int32] = [0, 4, 1, -1, 2, .max]
    executor.setInput(labels, to: wrong.span, training: false)
    executor.forward(training: false)
    let found = executor.elements(of: rows, training: false)
    for (row, label) in wrong.enumerated() {
      let elements = found[4 * row..<4 * row + 4]
      #expect((0..<4).contains(label) ? elements.reduce(0, +) == 1 : elements.allSatisfy(\.isNaN))
    }
  }

  @Test func noClassesAreRefused() {
    let trace = Trace(microbatch: 2)
    let rows = oneHot(trace.input("labels", perSample: Shape([]), of: .int32), classes: 0)
    #expect(throws: ShapeError.self) { try trace.finish(loss: nil, outputs: [rows]) }
  }
}
