/// What lets a trainer go on where an earlier life of its run has stopped.
struct Resumption {
  /// Names the run, in hexadecimal: its memory is looked for under this name, and made so that it can be found.
  let run: String
  /// What there is besides memory.
  let start: StateContents.Start?
}
