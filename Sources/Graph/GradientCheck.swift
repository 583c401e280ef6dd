import BLAS
import Kernels

/// Compares the backward of operations with finite differences of their forward.
///
/// The tensors under test are parameters with values drawn in (-1, 1); the loss is a fixed random combination of the output's
/// elements, summed in double precision. Differences use the central five-point formula, whose error is h⁴ f⁽⁵⁾ / 30.
/// Elements at a kink (relu at 0), where a narrow and a wide difference disagree, are skipped and counted.
public enum GradientCheck {
  public struct Report: Sendable, CustomStringConvertible {
    /// The largest |analytic - numeric| / max(1, |numeric|).
    public var worst = 0.0
    /// Where: tensor, element, analytic and numeric derivative.
    public var place = ""
    public var checked = 0
    public var skipped = 0

    public var description: String { "worst \(worst) at \(place); \(checked) checked, \(skipped) skipped" }
  }

  /// How the tensors under test reach the operation.
  public enum Wiring: Sendable, CaseIterable {
    /// As parameters: gradients go to the gradient arena.
    case parameters
    /// As results of other operations, each used twice: gradients go to planned buffers and accumulate.
    case sharedResults
  }

  /// Checks all elements of all tensors.
  ///
  /// - Parameters:
  ///   - shapes: of the tensors under test.
  ///   - microbatch: samples in the output's rows.
  ///   - threads: of the pool that runs it.
  ///   - prepare: sets the inputs that `body` adds to the trace, such as labels; runs before each pass.
  ///   - body: the function under test.
  public static func run(
    _ shapes: [Shape], microbatch: Int, wiring: Wiring = .parameters, seed: UInt64 = 1, threads: Int = 2,
    prepare: (Executor) -> Void = { _ in }, _ body: (Trace, [Tensor]) -> Tensor
  ) throws(ShapeError) -> Report {
    let trace = Trace(microbatch: microbatch)
    var tensors = shapes.enumerated().map { trace.parameter("x\($0)", $1, .uniform(limit: 1)) }
    let output: Tensor
    switch wiring {
    case .parameters: output = body(trace, tensors)
    case .sharedResults:
      tensors = tensors.enumerated().map { $1 + trace.parameter("zero\($0)", $1.shape, .zeros) }
      output = body(trace, tensors) + body(trace, tensors)
    }
    let loss = trace.record(ProjectionOperation(rows: microbatch), output)
    let graph = try trace.finish(loss: loss, outputs: [])
    let executor = Executor(graph, pool: ThreadPool(threads: threads), seed: seed)
    let position = Position(step: 3, firstSample: 2 * microbatch)

    func objective() -> Double {
      prepare(executor)
      executor.forward(training: true, at: position)
      return executor.value(of: loss, training: true).reduce(0.0) { $0 + Double($1) }
    }

    _ = objective()
    executor.backward(scale: 0.5, accumulates: false)
    _ = objective()
    executor.backward(scale: 0.5, accumulates: true)  // two halves: accumulation is under test as well
    var report = Report()
    for parameter in graph.parameters.prefix(shapes.count) {
      for element in 0..<parameter.shape.count {
        let analytic = Double(executor.gradients?.base[parameter.offset + element] ?? .nan)
        let address = executor.parameters.base + parameter.offset + element
        guard let numeric = derivative(at: address, objective) else {
          report.skipped += 1
          continue
        }
        report.checked += 1
        let error = abs(analytic - numeric) / max(1, abs(numeric))
        if !report.worst.isNaN && !(error <= report.worst) {
          report.worst = error
          report.place = "\(parameter.name)[\(element)]: analytic \(analytic), numeric \(numeric)"
        }
      }
    }
    return report
  }

  private static func derivative(
    at address: UnsafeMutablePointer<Float>, _ objective: () -> Double
  ) -> Double? {
    let step: Float = 0x1p-5
    let original = address.pointee
    func at(_ steps: Float) -> Double {
      address.pointee = original + steps * step
      defer { address.pointee = original }
      return objective()
    }
    let h = Double(step)
    let (near, far) = (at(1) - at(-1), at(2) - at(-2))
    let central = (8 * near - far) / (12 * h)
    // Where the function is smooth, the two- and the four-point formula differ by h² f⁽³⁾ / 6 only.
    return abs(near / (2 * h) - far / (4 * h)) > 3e-3 * max(1, abs(central)) ? nil : central
  }
}

/// loss[r] = Σ w[r][c] x[r][c] with weights drawn once: lets every element of an output count differently.
private struct ProjectionOperation: Operation {
  let rows: Int

  var name: String { "projection" }
  var backwardReads: BackwardReads { .nothing }

  func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
    guard inputs[0].count % rows == 0 else {
      throw ShapeError("expected a multiple of \(rows) elements, found \(inputs[0])")
    }
    return [rows]
  }

  private func weight(_ element: Int) -> Float {
    2 * Philox.uniform(Philox(key: 7).block(at: element, for: .synthetic).x) - 1
  }

  func forward(_ context: ForwardContext) {
    let columns = context.shape(ofInput: 0).count / rows
    for row in 0..<rows {
      let elements = row * columns..<(row + 1) * columns
      context.output[row] = Float(
        elements.reduce(0.0) { $0 + Double(weight($1)) * Double(context.input(0)[$1]) })
    }
  }

  func backward(_ context: BackwardContext) {
    guard let gradient = context.inputGradient(0) else { return }
    let columns = context.shape(ofInput: 0).count / rows
    for element in 0..<rows * columns {
      let value = context.outputGradient[element / columns] * weight(element)
      gradient.pointer[element] = gradient.accumulates ? gradient.pointer[element] + value : value
    }
  }
}
