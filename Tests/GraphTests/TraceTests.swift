import Graph
import Testing

@Suite struct TraceTests {
  private func message(_ body: (Trace) -> Tensor) -> String {
    let trace = Trace(microbatch: 4)
    let loss = body(trace)
    do {
      _ = try trace.finish(loss: loss, outputs: [])
      return "no error"
    } catch { return error.description }
  }

  @Test func aShapeErrorNamesTheLayerAndBothShapes() {
    let found = message { trace in
      let x = trace.input("image", perSample: [64])
      let weight = trace.parameter("hidden.weight", [63, 10], .zeros)
      let y = dense(x, weight: weight, name: "hidden")
      return dense(y, weight: weight, name: "after the error")
    }
    #expect(
      found == "dense \"hidden\": expected input [..., in] and weight [in, out], found [4, 64] and [63, 10]")
  }

  /// Its plan of memory would overflow.
  @Test func aModelThatNoMemoryHoldsIsAnError() {
    let found = message { trace in
      var x = trace.input("x", perSample: [1 << 50])
      for _ in 0..<16 { x = relu(x) }
      return x
    }
    #expect(
      found
        == "model: expected less than 2^56 numbers in a microbatch of 4, found 7.656119366529843e+16; make the model or the microbatch smaller"
    )
  }

  @Test func aTakenNameIsAnError() {
    let found = message { trace in
      _ = trace.parameter("w", [2, 2], .zeros)
      return trace.parameter("w", [2, 2], .zeros)
    }
    #expect(found.contains("\"w\"") && found.contains("unique"))
  }

  @Test func labelsMustBeIntegers() {
    let found = message { trace in
      let x = trace.input("x", perSample: [3])
      return softmaxCrossEntropy(x, labels: trace.input("label", perSample: Shape([])))
    }
    #expect(found == "softmaxCrossEntropy: input 1: expected int32 elements, found float32")
  }

  @Test func tensorsOfAnotherTraceAreRefused() {
    let other = Trace(microbatch: 4).input("x", perSample: [3])
    let found = message { trace in trace.input("x", perSample: [3]) + other }
    #expect(found.contains("one trace"))
  }

  @Test(arguments: [-0.1, 1.0, 1.5] as [Float])
  func aDropoutProbabilityOutsideIsRefused(_ probability: Float) {
    let found = message { dropout($0.input("x", perSample: [3]), probability: probability) }
    #expect(found.contains("0..<1"))
  }

  @Test func aParameterIsNoLossAndNoOutput() {
    #expect(message { $0.parameter("w", [4], .zeros) }.contains("found a parameter"))
  }

  @Test func aLossOfAnotherTraceIsRefused() {
    let other = Trace(microbatch: 4).input("x", perSample: [3])
    #expect(message { _ in other }.contains("this trace"))
  }
}
