extension Diagnosis {
  /// One line of JSON: `healthy`, `findings` and the facts of all `ranks`.
  public func json(of job: JobFacts) -> String {
    struct Report: Encodable {
      let healthy: Bool
      let findings: [Finding]
      let ranks: [RankFacts]
    }
    return JSONLine.encode(Report(healthy: isHealthy, findings: findings, ranks: job.ranks))
  }
}
