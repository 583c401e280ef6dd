/// Which values an operation's backward reads. The plan keeps those alive until then, and no others.
public struct BackwardReads: Sendable, Equatable {
  public var inputs: Set<Int>
  public var output: Bool

  public init(inputs: Set<Int> = [], output: Bool = false) {
    self.inputs = inputs
    self.output = output
  }

  public static let nothing = BackwardReads()
  public static let output = BackwardReads(output: true)
  public static func inputs(_ indices: Int...) -> BackwardReads { BackwardReads(inputs: Set(indices)) }
}

/// A differentiable function of tensors with one output.
///
/// An operation is a value: its configuration, no state. The engine owns all memory and hands it over in contexts. Work is cut for the
/// threads by shape alone, so that the bits of a result do not depend on the number of threads.
public protocol Operation: Sendable {
  /// The name in messages and profiles.
  var name: String { get }

  /// The output's shape, or why these inputs do not fit.
  func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape

  /// What each input's elements must be; float32 where the list ends early.
  var inputTypes: [ElementType] { get }

  /// Element counts of the buffers that forward fills for backward.
  func savedCounts(_ inputs: [Shape]) -> [Int]

  /// Element count of the scratch that one forward or one backward call uses.
  func workspaceCount(_ inputs: [Shape]) -> Int

  var backwardReads: BackwardReads { get }

  /// The input whose memory the output may take over when nothing else reads that input afterwards. Needs equal shapes and an
  /// element-wise forward.
  var forwardInPlace: Int? { get }

  /// The input whose gradient may be written over the output's gradient. Needs equal shapes and an element-wise backward.
  var gradientInPlace: Int? { get }

  /// The input whose gradient may be written over the input's own values when no later call reads them. Needs an element-wise
  /// backward, or one that has read what it needs before it writes.
  var gradientOverInput: Int? { get }

  /// Whether the output is input 0's elements in the same order, under another shape. Both then share memory, and neither forward nor
  /// backward is called.
  var isView: Bool { get }

  /// Floating-point operations of one forward call: a multiplication and an addition count as two. Only products need to count.
  func forwardFlops(_ inputs: [Shape]) -> Double

  /// Floating-point operations of one backward call, where `wanted` says which inputs need a gradient.
  func backwardFlops(_ inputs: [Shape], wanted: [Bool]) -> Double

  /// Whether backward can add the finished gradient of a parameter, given as this input, to what is there in one addition an element
  /// (`BackwardContext.Gradient.addsWhole`), and how much scratch each thread then needs, in elements; nil if it cannot.
  /// Only operations of this package get at the scratch: others give 0 or nil.
  func wholeAdditionScratch(ofInput index: Int, _ inputs: [Shape]) -> Int?

  /// Computes the output from the inputs.
  func forward(_ context: ForwardContext)

  /// Computes, for each input that wants one, the gradient from the output's gradient: dx = (∂y/∂x)ᵀ dy.
  ///
  /// Where the same tensor may be given as several inputs, their gradients are written in ascending order of the inputs: the first
  /// overwrites, the others add.
  ///
  /// An operation that computes the gradients of its parameters first, and calls `BackwardContext.gradientsAreDone`, lets them travel
  /// to the other ranks while it computes the rest.
  func backward(_ context: BackwardContext)
}

extension Operation {
  public var inputTypes: [ElementType] { [] }
  public func savedCounts(_ inputs: [Shape]) -> [Int] { [] }
  public func workspaceCount(_ inputs: [Shape]) -> Int { 0 }
  public var forwardInPlace: Int? { nil }
  public var gradientInPlace: Int? { nil }
  public var gradientOverInput: Int? { nil }
  public var isView: Bool { false }
  public func wholeAdditionScratch(ofInput index: Int, _ inputs: [Shape]) -> Int? { nil }
  public func forwardFlops(_ inputs: [Shape]) -> Double { 0 }

  /// One product of forward's size for each of the two operands that needs a gradient.
  public func backwardFlops(_ inputs: [Shape], wanted: [Bool]) -> Double {
    forwardFlops(inputs) * Double(wanted.prefix(2).count { $0 })
  }
}
