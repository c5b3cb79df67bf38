/// What libFuzzer is to run, which calls a C function that can hold nothing. Set once, before anything runs.
nonisolated(unsafe) var chosenParser: Parser?

/// Also what libFuzzer's own main function would call: it is linked in, though this program has its own.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    unsafe chosenParser?.run(unsafe [UInt8](UnsafeBufferPointer(start: data, count: count)))
    return 0
}
