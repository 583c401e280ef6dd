import Testing

@testable import Kernels

/// The kernel is compiled for vectors of 4, 8 and 16 floats; those that the machine at hand would not choose must be right as well.
@Suite struct AttentionKernelTests {
  struct Size: Sendable, CustomTestStringConvertible {
    var queries, keys, seen, width: Int
    var causal: Bool
    var testDescription: String { "\(queries) x \(keys) (\(seen) seen), width \(width), causal \(causal)" }
  }

  private static let sizes = [
    Size(queries: 1, keys: 1, seen: 1, width: 1, causal: true),
    Size(queries: 20, keys: 20, seen: 0, width: 8, causal: false),
    Size(queries: 50, keys: 50, seen: 33, width: 5, causal: false),
    Size(queries: 60, keys: 300, seen: 300, width: 64, causal: true),
    Size(queries: 300, keys: 300, seen: 300, width: 80, causal: true),
    Size(queries: 100, keys: 100, seen: 100, width: 256, causal: false),
  ]

  private func draw(_ count: Int, _ key: UInt64) -> [Float] {
    (0..<count).map { 4 * Philox.uniform(Philox(key: key).block(at: $0, for: .synthetic).x) - 2 }
  }

  /// Output, log sums and the gradients of q, k and v.
  private func results(_ size: Size, mostLanes: Int) -> [[Float]] {
    let stride = size.width + 3
    let (q, k, v) = (
      draw(size.queries * stride, 1), draw(size.keys * stride, 2), draw(size.keys * stride, 3)
    )
    let slopes = draw(size.queries * stride, 4)
    var (o, sums) = (slopes.map { _ in Float(0) }, [Float](repeating: 0, count: size.queries))
    var (dq, dk, dv) = (q.map { _ in Float(1) }, k.map { _ in Float(1) }, v.map { _ in Float(1) })
    q.withUnsafeBufferPointer { q in
      k.withUnsafeBufferPointer { k in
        v.withUnsafeBufferPointer { v in
          guard let q = q.baseAddress, let k = k.baseAddress, let v = v.baseAddress else { return }
          let head = AttentionHead(
            queries: size.queries, keys: size.keys, seen: size.seen, width: size.width,
            causal: size.causal, scale: 0.3, q: .init(q, stride: stride), k: .init(k, stride: stride),
            v: .init(v, stride: stride), mostLanes: mostLanes)
          head.forward(into: &o, stride: stride, logSums: &sums)
          dq.withUnsafeMutableBufferPointer { dq in
            dk.withUnsafeMutableBufferPointer { dk in
              dv.withUnsafeMutableBufferPointer { dv in
                guard let dq = dq.baseAddress, let dk = dk.baseAddress, let dv = dv.baseAddress else {
                  return
                }
                head.backward(
                  o: o, dO: slopes, stride: stride, logSums: sums,
                  dq: .init(dq, stride: stride, accumulates: false),
                  dk: .init(dk, stride: stride, accumulates: true),
                  dv: .init(dv, stride: stride, accumulates: false))
              }
            }
          }
        }
      }
    }
    return [o, sums, dq, dk, dv]
  }

  @Test(arguments: sizes, [4, 8]) func narrowVectorsGiveWhatTheWidestGive(_ size: Size, _ lanes: Int) {
    for (widest, narrow) in zip(results(size, mostLanes: 0), results(size, mostLanes: lanes)) {
      let agree = zip(widest, narrow).allSatisfy { $0 == $1 || abs($0 - $1) <= 2e-5 * max(1, abs($0)) }
      #expect(agree)
    }
  }
}
