// bitnet tokenize: text to token ids and back.
#include <memory>
#include <optional>
#include <string_view>

#include "api_error.h"
#include "command.h"
#include "failure.h"
#include "file.h"
#include "generation.h"
#include "interrupt.h"
#include "json_reader.h"
#include "model_source.h"
#include "terminal.h"
#include "text.h"

namespace bitnet::tool {
namespace {

struct TokenizeFlags {
  ModelFlags model;
  SessionFlags session;
  std::optional<std::string> text;
  Tokens decode;
  bool no_special = false;
  bool parse_special = false;
  bool json = false;
  bool ndjson = false;
};

uint32_t EncodeFlags(bool add_special, bool parse_special) {
  uint32_t flags = 0;
  if (add_special) flags |= BITNET_ENCODE_ADD_SPECIAL;
  if (parse_special) flags |= BITNET_ENCODE_PARSE_SPECIAL;
  return flags;
}

// Bytes as a field: as text where they are UTF-8, else in hex.
void WriteBytes(Json& json, const char* text_key, const std::string& bytes) {
  if (WellFormed(bytes) == bytes) {
    json.Field(text_key, bytes);
  } else {
    json.Field("bytes_hex", Hex(bytes));
  }
}

std::vector<std::string> Pieces(const Tokenizer& tokenizer, const Tokens& ids) {
  std::vector<std::string> pieces;
  for (const int32_t id : ids) pieces.push_back(Get(tokenizer.decode({&id, 1})));
  return pieces;
}

ExitCode Decode(const TokenizeFlags& flags, const Tokenizer& tokenizer) {
  const std::string bytes = Get(tokenizer.decode(CheckedTokens(flags.decode, tokenizer, "--decode")));
  if (flags.json) {
    Json json;
    json.BeginObject().Field("tokens", flags.decode).Field("pieces", Pieces(tokenizer, flags.decode));
    WriteBytes(json, "text", bytes);
    Print(json.EndObject().Line());
  } else {
    PrintGenerated(bytes);
    if (StdoutIsTerminal()) Print("\n");
  }
  return ExitCode::kSuccess;
}

ExitCode Encode(const TokenizeFlags& flags, const Tokenizer& tokenizer, const std::string& text) {
  const Tokens ids = Get(tokenizer.encode(text, EncodeFlags(!flags.no_special, flags.parse_special)));
  const std::vector<std::string> pieces = Pieces(tokenizer, ids);
  if (flags.json) {
    Json json;
    Print(json.BeginObject().Field("tokens", ids).Field("pieces", pieces).EndObject().Line());
    return ExitCode::kSuccess;
  }
  std::vector<std::vector<std::string>> rows;
  for (size_t i = 0; i < ids.size(); ++i) rows.push_back({std::to_string(ids[i]), Quoted(pieces[i])});
  Print(Columns(rows, "r"));
  return ExitCode::kSuccess;
}

// One line of --ndjson: {text or bytes_hex, add_special, parse_special} to {ids, decoded or bytes_hex}.
std::string AnswerLine(const TokenizeFlags& flags, const Tokenizer& tokenizer, const std::string& line) {
  const JsonObject request = ReadJsonObject(line);
  const std::string* text = request.String("text");
  const std::string* hex = request.String("bytes_hex");
  if ((text != nullptr) == (hex != nullptr)) throw JsonError("expected one of \"text\" and \"bytes_hex\"");
  std::string bytes = text != nullptr ? *text : "";
  if (hex != nullptr && !FromHex(*hex, bytes)) throw JsonError("\"bytes_hex\" is not pairs of hex digits");
  const Tokens ids = Get(tokenizer.encode(bytes, EncodeFlags(request.Bool("add_special", !flags.no_special),
                                                             request.Bool("parse_special", flags.parse_special))));
  Json json;
  json.BeginObject().Field("ids", ids);
  WriteBytes(json, "decoded", Get(tokenizer.decode(ids)));
  return json.EndObject().Line();
}

ExitCode AnswerLines(const TokenizeFlags& flags, const Tokenizer& tokenizer) {
  LineReader reader;
  std::string line;
  for (size_t number = 1;; ++number) {
    switch (reader.Next(line)) {
      case LineReader::Result::kEnd: return ExitCode::kSuccess;
      case LineReader::Result::kInterrupted: throw Failure(ExitCode::kInterrupted, "interrupted");
      case LineReader::Result::kLine: break;
    }
    try {
      Print(AnswerLine(flags, tokenizer, line));
    } catch (const JsonError& error) {
      throw Failure(ExitCode::kRequestNotMet, "line " + std::to_string(number) + ": " + error.what());
    }
  }
}

ExitCode Tokenize(const TokenizeFlags& flags) {
  const int n_given = flags.text.has_value() + !flags.decode.empty() + flags.ndjson;
  if (n_given != 1) {
    throw Failure(ExitCode::kUsage, std::string(n_given == 0 ? "nothing to do" : "too much at once") +
                                        ": give one of TEXT (- for standard input), --decode, --ndjson");
  }
  const Tokenizer tokenizer = LoadTokenizer(flags.model);
  if (flags.ndjson) return AnswerLines(flags, tokenizer);
  const EndOnInterrupt while_it_computes;
  if (!flags.decode.empty()) return Decode(flags, tokenizer);
  return Encode(flags, tokenizer, *flags.text == "-" ? ReadFile("-") : *flags.text);
}

std::function<ExitCode()> SetUp(CLI::App& app) {
  auto flags = std::make_shared<TokenizeFlags>();
  AddOptionalText(app, "TEXT", flags->text, "", "the text, or - for standard input");
  const std::string group = "Tokens";
  AddList(app, "--decode", flags->decode, 0, std::numeric_limits<int32_t>::max(),
          "the other way: the bytes of these ids")
      ->group(group);
  AddFlag(app, "--no-special", flags->no_special, "do not add the tokens that mark begin and end of a text")
      ->group(group);
  AddFlag(app, "--parse-special", flags->parse_special, "control tokens that the text spells become tokens")
      ->group(group);
  AddOutputFlags(app, &flags->json);
  AddFlag(app, "--ndjson", flags->ndjson,
          "answer each line {text or bytes_hex, add_special, parse_special} of standard input with {ids, decoded}")
      ->group("Output");
  AddSourceFlags(app, flags->model, ModelArgument::kFlagOnly);
  AddUnusedFlags(app, flags->model, flags->session);
  return [flags] { return Tokenize(*flags); };
}

}  // namespace

const Command kTokenizeCommand = {"tokenize", "turn text into token ids, or back",
                                  "bitnet tokenize \"Hello, world\"\n"
                                  "bitnet tokenize --json - < text.txt\n"
                                  "bitnet tokenize --decode 402,456,258",
                                  SetUp};

}  // namespace bitnet::tool
