import Testing

@testable import Checkpoints

@Suite struct NameMappingTests {
  @Test(arguments: [
    (["encoder.=blocks."], "encoder.0.weight", "blocks.0.weight"),
    (["encoder.=blocks."], "encoders.0.weight", "encoders.0.weight"),
    (["encoder.=blocks."], "my.encoder.0.weight", "my.encoder.0.weight"),
    (["model.="], "model.head.weight", "head.weight"),
    (["=model."], "head.weight", "model.head.weight"),
    (["fc.weight=output.weight"], "fc.weight", "output.weight"),
    (["fc.weight=output.weight"], "fc.weights", "fc.weights"),
    (["fc.weight = output.weight "], "fc.weight", "output.weight"),
    (
      ["h.*.attn.c_proj.*=blocks.*.attention.output.*"], "h.11.attn.c_proj.bias",
      "blocks.11.attention.output.bias"
    ),
    (["h.*.attn.c_proj.*=blocks.*.attention.output.*"], "h.11.mlp.c_proj.bias", "h.11.mlp.c_proj.bias"),
    (["*.running_mean=*.runningMean"], "stages.0.1.norm1.running_mean", "stages.0.1.norm1.runningMean"),
    (["*.running_mean=*.runningMean"], ".running_mean", ".running_mean"),
    // As little as possible for each star.
    (["*.a.*=*/*"], "x.a.a.a.y", "x/a.a.y"),
    (["*b*=*-*"], "abbb", "a-bb"),
    (["é*=e*"], "é👩‍👩‍👧ü", "e👩‍👩‍👧ü"),
    // The first rule that fits, and it alone.
    (["a.=b.", "b.=a."], "a.x", "b.x"),
    (["a.=b.", "b.=a."], "b.x", "a.x"),
    (["a.x=c.y", "a.=b."], "a.x", "c.y"),
    (["a.=b.", "a.x=c.y"], "a.x", "b.x"),
    ([], "a.x", "a.x"),
  ])
  func aNameIsRenamedByTheFirstRuleThatFits(rules: [String], name: String, expected: String) throws {
    #expect(try NameMapping(rules).renamed(name).name == expected)
  }

  @Test func aRuleMaySayWhetherTensorsAreTransposed() throws {
    let mapping = try NameMapping(["a.=b. transposed", "c=c as-is", "d.= transposed", "e=f"])
    #expect(mapping.rules.map(\.transposes) == [true, false, true, nil])
    #expect(mapping.rules.map(\.to) == ["b.", "c", "", "f"])
    #expect(mapping.renamed("d.x").name == "x")
  }

  @Test(arguments: [
    ("encoder.", "encoder.: expected FROM=TO such as encoder.=blocks."),
    ("a.*=b", "a.*=b: expected as many stars on the right as on the left, found 0 and 1"),
    ("a.*.=b.*.", "a.*.=b.*.: a prefix has no stars; end it with .* on both sides instead"),
    ("a=a", "a=a: this changes nothing"),
    ("=", "=: this changes nothing"),
  ])
  func aRuleThatIsWrongGetsOneLine(rule: String, expected: String) {
    let error = #expect(throws: NameMapping.RuleError.self) { try NameMapping([rule]) }
    #expect(error?.description == expected)
  }
}
