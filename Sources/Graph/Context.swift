import BLAS
import Kernels

/// Where a run stands: together with the seed it fixes all random draws, on any rank and thread.
public struct Position: Sendable, Equatable {
  /// The step, counted from 0.
  public var step: Int
  /// The place of the microbatch's first sample in the global batch.
  public var firstSample: Int

  public init(step: Int, firstSample: Int) {
    self.step = step
    self.firstSample = firstSample
  }
}

/// What an operation's forward may read and write. Pointers are valid during the call only.
public struct ForwardContext {
  let node: BoundNode
  /// The rank's threads. Cut work by shape alone.
  public let pool: ThreadPool
  /// False in evaluation: dropout passes its input through, and saved buffers need not be filled.
  public let isTraining: Bool
  let random: RandomState

  public func shape(ofInput index: Int) -> Shape { node.inputShapes[index] }
  /// Whether an input that may be left out is there.
  public func hasInput(_ index: Int) -> Bool { index < node.inputs.count }
  public var outputShape: Shape { node.outputShape }

  public func input(_ index: Int) -> UnsafePointer<Float> {
    UnsafePointer(node.inputs[index].assumingMemoryBound(to: Float.self))
  }

  /// An int32 input.
  public func indices(_ index: Int) -> UnsafePointer<Int32> {
    UnsafePointer(node.inputs[index].assumingMemoryBound(to: Int32.self))
  }

  /// Uninitialised, or the input's values where the operation works in place.
  public var output: UnsafeMutablePointer<Float> { node.output }
  public func saved(_ index: Int) -> UnsafeMutablePointer<Float> { node.saved[index] }
  public var workspace: UnsafeMutablePointer<Float> { node.workspace }
  public var stream: RandomStream { RandomStream(random, node) }
}

/// What an operation's backward may read and write. Pointers are valid during the call only.
public struct BackwardContext {
  /// Where the gradient of one input goes.
  public struct Gradient {
    public let pointer: UnsafeMutablePointer<Float>
    /// True: add to what is there. False: what is there is meaningless; write every element.
    public let accumulates: Bool
    /// Where it accumulates: true asks that the finished gradient be added, in one addition an element. Only of inputs for which
    /// `Operation.wholeAdditionScratch` says that it can be.
    public var addsWhole = false
    /// Scratch for that, for each thread, where it is needed.
    var scratch: ThreadScratch?
  }

  let node: BoundNode
  public let pool: ThreadPool
  let random: RandomState
  /// How the gradients of parameters are written.
  let mode: GradientMode
  /// For additions of whole gradients.
  let scratch: ThreadScratch?
  /// Microbatch / global batch: what this microbatch counts in a running statistic (`Trace.statistic`).
  public let microbatchShare: Float
  /// Called with the node's watermark.
  let parametersAreDone: BorrowedClosure

  /// Says that the gradients of these inputs are written. When no parameter is among the others, what this operation's parameters
  /// wait for can begin while it goes on.
  public func gradientsAreDone(ofInputs done: ClosedRange<Int>) {
    for index in node.inputGradients.indices where !done.contains(index) {
      if case .parameter = node.inputGradients[index] { return }
    }
    parametersAreDone(node.watermark)
  }

  public func shape(ofInput index: Int) -> Shape { node.inputShapes[index] }
  /// Whether an input that may be left out is there.
  public func hasInput(_ index: Int) -> Bool { index < node.inputs.count }
  public var outputShape: Shape { node.outputShape }

  /// An input's values, if `backwardReads` names it.
  public func input(_ index: Int) -> UnsafePointer<Float> {
    UnsafePointer(node.inputs[index].assumingMemoryBound(to: Float.self))
  }

  /// An int32 input, if `backwardReads` names it.
  public func indices(_ index: Int) -> UnsafePointer<Int32> {
    UnsafePointer(node.inputs[index].assumingMemoryBound(to: Int32.self))
  }

  /// The output's values, if `backwardReads` names it.
  public var output: UnsafePointer<Float> { UnsafePointer(node.output) }
  public func saved(_ index: Int) -> UnsafeMutablePointer<Float> { node.saved[index] }
  public var workspace: UnsafeMutablePointer<Float> { node.backwardWorkspace }

  /// dy. Nothing reads it after this call: it may be overwritten.
  public var outputGradient: UnsafeMutablePointer<Float> { node.outputGradient }

  /// Where the gradient of an input goes; nil when nobody needs it.
  public func inputGradient(_ index: Int) -> Gradient? {
    switch node.inputGradients[index] {
    case .none: nil
    case .activation(let pointer, let accumulates): Gradient(pointer: pointer, accumulates: accumulates)
    case .parameter(let pointer, let isFirstUse):
      Gradient(pointer: pointer, accumulates: mode == .accumulates || !isFirstUse)
    case .sum(let pointer, let needsScratch):
      Gradient(pointer: pointer, accumulates: true, addsWhole: true, scratch: needsScratch ? scratch : nil)
    }
  }

  public var stream: RandomStream { RandomStream(random, node) }

  /// Backward of a view: nothing where gradient and input's gradient share memory, as they do for the first that writes it.
  func passGradientThroughView() {
    guard let gradient = inputGradient(0), gradient.pointer != outputGradient else { return }
    let dy = outputGradient
    pool.run(over: outputShape.count, grain: elementwiseGrain) { range in
      let target = gradient.pointer + range.lowerBound
      if gradient.accumulates {
        Elementwise.add(range.count, to: target, dy + range.lowerBound)
      } else {
        target.update(from: dy + range.lowerBound, count: range.count)
      }
    }
  }
}

/// The seed and the position of one microbatch.
struct RandomState {
  let seed: UInt64
  let position: Position
  let microbatch: Int
}

/// The random draws of one operation in one step: element e of the output, counted over the global batch, has draws of its own.
public struct RandomStream {
  /// Philox's key: the run's seed.
  public let key: UInt64
  /// The step.
  public let major: UInt32
  /// The operation.
  public let minor: UInt32
  /// The index, over the global batch, of this microbatch's first output element.
  public let firstElement: Int

  init(_ state: RandomState, _ node: BoundNode) {
    key = state.seed
    major = UInt32(truncatingIfNeeded: state.position.step)
    minor = UInt32(truncatingIfNeeded: node.index)
    firstElement = state.position.firstSample * (node.outputShape.count / state.microbatch)
  }
}
