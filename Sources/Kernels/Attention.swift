import CKernels

/// Scaled dot-product attention of one head of one sample: o = softmax(scale · q kᵀ) v.
package struct AttentionHead {
  /// The most columns of a head.
  package static let largestWidth = Int(RONDO_LARGEST_HEAD)

  /// Rows of elements, `stride` elements apart.
  package struct Rows {
    let first: UnsafePointer<Float>
    let stride: Int

    package init(_ first: UnsafePointer<Float>, stride: Int) {
      self.first = first
      self.stride = stride
    }
  }

  /// Where the gradient of one factor goes.
  package struct Target {
    let first: UnsafeMutablePointer<Float>
    let stride: Int
    let accumulates: Bool

    package init(_ first: UnsafeMutablePointer<Float>, stride: Int, accumulates: Bool) {
      self.first = first
      self.stride = stride
      self.accumulates = accumulates
    }

    fileprivate var kernel: rondo_attention_gradient {
      rondo_attention_gradient(to: first, stride: stride, accumulates: accumulates ? 1 : 0)
    }
  }

  private var kernel: rondo_attention

  /// - Parameters:
  ///   - queries: rows of `q`.
  ///   - keys: rows of `k` and `v`, of which the first `seen` count; the others are padding.
  ///   - width: columns of a head, at most ``largestWidth``.
  ///   - causal: the last query sees all keys, the one before it all but the last, and so on.
  ///   - mostLanes: for tests: 4 or 8 uses no wider vectors.
  package init(
    queries: Int, keys: Int, seen: Int, width: Int, causal: Bool, scale: Float, q: Rows, k: Rows, v: Rows,
    mostLanes: Int = 0
  ) {
    precondition(
      width >= 1 && width <= Self.largestWidth && seen >= 0 && seen <= keys && (!causal || queries <= keys),
      "AttentionHead: \(queries) queries, \(seen) of \(keys) keys, width \(width)")
    kernel = rondo_attention(
      queries: queries, keys: keys, seen: seen, width: width, causal: causal ? 1 : 0,
      offset: causal ? keys - queries : 0, scale: scale, q: q.first, k: k.first, v: v.first,
      q_stride: q.stride, k_stride: k.stride, v_stride: v.stride, most_lanes: mostLanes)
  }

  /// Writes the output, rows `stride` apart, and for each query the logarithm of its sum of exponentials.
  package func forward(
    into o: UnsafeMutablePointer<Float>, stride: Int, logSums: UnsafeMutablePointer<Float>
  ) {
    withUnsafePointer(to: kernel) { rondo_attention_forward($0, o, stride, logSums) }
  }

  /// The gradients from `dO`, whose rows like those of `o` are `stride` apart. They are written in the order q, k, v.
  package func backward(
    o: UnsafePointer<Float>, dO: UnsafePointer<Float>, stride: Int, logSums: UnsafePointer<Float>,
    dq: Target?, dk: Target?, dv: Target?
  ) {
    withUnsafePointer(to: kernel) { kernel in
      withKernel(dq) { dq in
        withKernel(dk) { dk in
          withKernel(dv) { dv in
            rondo_attention_backward(kernel, o, dO, stride, logSums, dq, dk, dv)
          }
        }
      }
    }
  }

  private func withKernel(
    _ target: Target?, _ body: (UnsafePointer<rondo_attention_gradient>?) -> Void
  ) {
    guard let target else { return body(nil) }
    withUnsafePointer(to: target.kernel) { body($0) }
  }
}
