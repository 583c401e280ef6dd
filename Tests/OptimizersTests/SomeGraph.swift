import Graph

/// A graph of these parameters, with a loss that depends on all of them.
func someGraph(_ parameters: [(name: String, shape: Shape)], statistic: String? = nil) throws -> Graph {
  let trace = Trace(microbatch: 1)
  var loss = trace.input("x", perSample: Shape([])).reshaped(to: [1, 1])
  for (name, shape) in parameters {
    loss = loss + trace.parameter(name, shape, .constant(0)).mean().reshaped(to: [1, 1])
  }
  if let statistic { _ = trace.statistic(statistic, [3], initial: 0, momentum: 0.1) }
  return try trace.finish(loss: loss.reshaped(to: [1]), outputs: [])
}
