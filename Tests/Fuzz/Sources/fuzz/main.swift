import CLibFuzzer
import Foundation

// usage: fuzz PARSER [options of libFuzzer] CORPUS...
//        fuzz seeds DIRECTORY

let words = CommandLine.arguments
if words.count == 3, words[1] == "seeds" {
    do {
        try Seeds.write(to: words[2])
        exit(0)
    } catch {
        complain("\(error)")
        exit(70)
    }
}
guard words.count > 1, let parser = Parser(rawValue: words[1]) else {
    let names = Parser.allCases.map(\.rawValue).joined(separator: "|")
    complain("usage: fuzz \(names) [options of libFuzzer] CORPUS... or fuzz seeds DIRECTORY")
    exit(64)
}
unsafe chosenParser = parser

// The parser's name is not for libFuzzer: the rest of the arguments moves up.
var count = CommandLine.argc - 1
var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = unsafe CommandLine.unsafeArgv + 1
unsafe CommandLine.unsafeArgv[1] = unsafe CommandLine.unsafeArgv[0]
exit(unsafe LLVMFuzzerRunDriver(&count, &arguments) { data, count in unsafe testOneInput(data, count) })

func complain(_ text: String) {
    FileHandle.standardError.write(Data("\(text)\n".utf8))
}
