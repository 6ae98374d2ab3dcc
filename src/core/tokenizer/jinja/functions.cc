// Functions: range, namespace, dict, raise_exception, strftime_now, and those of a loop.
#include "core/tokenizer/jinja/functions.h"

#include <algorithm>
#include <chrono>

#include "core/tokenizer/utf8.h"

namespace bitnet::core::jinja {
namespace {

Result<Value> Range(const Arguments& arguments, Budget& budget) {
  BN_ASSIGN_OR_RETURN(const auto given, Bind("range", arguments, {"start", "stop", "step"}, 1));
  if (!arguments.named.empty()) return Status(Code::kInvalidArgument, "range takes no arguments by name");
  int64_t bounds[3] = {0, 0, 1};
  for (size_t k = 0; k < 3; ++k) {
    if (given[k] != nullptr && !given[k]->AsInteger(&bounds[k]))
      return Status(Code::kInvalidArgument, Cat("range of a ", given[k]->type_name()));
  }
  if (given[1] == nullptr) bounds[1] = std::exchange(bounds[0], 0);
  const auto [start, stop, step] = bounds;
  if (step == 0) return Status(Code::kInvalidArgument, "the step of a range is 0");
  std::vector<Value> items;
  if (step > 0 ? start < stop : start > stop) {
    // Distances in unsigned arithmetic: they may pass 63 bits.
    const uint64_t distance = step > 0 ? static_cast<uint64_t>(stop) - static_cast<uint64_t>(start)
                                       : static_cast<uint64_t>(start) - static_cast<uint64_t>(stop);
    const uint64_t stride = step > 0 ? static_cast<uint64_t>(step) : uint64_t{0} - static_cast<uint64_t>(step);
    const uint64_t n = (distance - 1) / stride + 1;
    if (n > kMaxRange) return Status(Code::kLimit, Cat("a range of more than ", kMaxRange, " numbers"));
    BN_RETURN_IF_ERROR(budget.SpendElements(n));
    for (uint64_t i = 0; i < n; ++i) {
      items.emplace_back(static_cast<int64_t>(static_cast<uint64_t>(start) + i * static_cast<uint64_t>(step)));
    }
  }
  return MakeList(List::Kind::kRange, std::move(items));
}

// Pairs of a dict, or of arguments by name.
Result<std::vector<std::pair<Value, Value>>> Pairs(const Arguments& arguments) {
  std::vector<std::pair<Value, Value>> pairs;
  if (arguments.positional.size() > 1) return Status(Code::kInvalidArgument, "more than one argument without a name");
  if (!arguments.positional.empty()) {
    const Dict* dict = arguments.positional[0].dict();
    if (dict == nullptr)
      return Status(Code::kUnsupported, "a dict or namespace that is made of something else than a dict");
    pairs = dict->entries;
  }
  for (const auto& [name, value] : arguments.named) pairs.emplace_back(MakeText(name, Origin::kTemplate), value);
  return pairs;
}

Result<Value> CycleOf(Loop& loop, const Arguments& arguments) {
  if (arguments.positional.empty() || !arguments.named.empty())
    return Status(Code::kInvalidArgument, "loop.cycle takes one argument or more, without names");
  return arguments.positional[loop.index % arguments.positional.size()];
}

}  // namespace

Result<std::vector<const Value*>> Bind(std::string_view function, const Arguments& arguments,
                                       std::initializer_list<std::string_view> parameters, size_t n_required) {
  if (arguments.positional.size() > parameters.size())
    return Status(Code::kInvalidArgument, Cat(Quoted(function), " takes at most ", parameters.size(), " arguments"));
  std::vector<const Value*> bound(parameters.size());
  for (size_t i = 0; i < arguments.positional.size(); ++i) bound[i] = &arguments.positional[i];
  for (const auto& [name, value] : arguments.named) {
    const auto known = std::find(parameters.begin(), parameters.end(), name);
    const auto place = static_cast<size_t>(known - parameters.begin());
    if (known == parameters.end() || bound[place] != nullptr)
      return Status(Code::kInvalidArgument, Cat(Quoted(function), " takes no further argument ", Quoted(name)));
    bound[place] = &value;
  }
  for (size_t i = 0; i < n_required; ++i) {
    if (bound[i] == nullptr)
      return Status(Code::kInvalidArgument, Cat(Quoted(function), " needs the argument ", *(parameters.begin() + i)));
  }
  return bound;
}

Result<Value> LoopMember(Loop& loop, std::string_view name) {
  if (loop.over) return Status(Code::kUnsupported, "the variable of a loop that has ended: not supported");
  const std::vector<Value>& items = *loop.items;
  const auto index = static_cast<int64_t>(loop.index), size = static_cast<int64_t>(items.size());
  if (name == "index") return Value(index + 1);
  if (name == "index0") return Value(index);
  if (name == "revindex") return Value(size - index);
  if (name == "revindex0") return Value(size - index - 1);
  if (name == "first") return Value(index == 0);
  if (name == "last") return Value(index + 1 == size);
  if (name == "length") return Value(size);
  if (name == "depth") return Value(int64_t{1});  // of recursive loops, which there are none of
  if (name == "depth0") return Value(int64_t{0});
  if (name == "previtem") return index > 0 ? items[loop.index - 1] : MakeUndefined("there is no previous item");
  if (name == "nextitem") return index + 1 < size ? items[loop.index + 1] : MakeUndefined("there is no next item");
  if (name == "cycle") return Value(BoundFunction{Function::kLoopCycle, &loop});
  if (name == "changed") return Value(BoundFunction{Function::kLoopChanged, &loop});
  return MakeUndefined(Cat("a loop has no member ", Quoted(name)));
}

Result<Value> Evaluator::CallFunction(const BoundFunction& f, const Arguments& arguments) {
  if (f.loop != nullptr && f.loop->over)
    return Status(Code::kUnsupported, "the variable of a loop that has ended: not supported");
  switch (f.function) {
    case Function::kRange: return Range(arguments, budget_);
    case Function::kDict: {
      BN_ASSIGN_OR_RETURN(auto pairs, Pairs(arguments));
      return MakeDict(std::move(pairs), budget_);
    }
    case Function::kNamespace: {
      BN_ASSIGN_OR_RETURN(auto pairs, Pairs(arguments));
      BN_ASSIGN_OR_RETURN(const Value members, MakeDict(std::move(pairs), budget_));  // of several the last
      Namespace* ns = NewNamespace();
      for (const auto& [key, value] : members.dict()->entries) {
        if (key.text() == nullptr) return Status(Code::kUnsupported, "a namespace with members that have no name");
        ns->members.emplace_back(key.text()->bytes(), value);
      }
      return Value(ns);
    }
    case Function::kRaiseException: {
      BN_ASSIGN_OR_RETURN(const auto given, Bind("raise_exception", arguments, {"message"}, 1));
      BN_ASSIGN_OR_RETURN(const Text message, ToText(*given[0], budget_));
      return Status(Code::kInvalidArgument,
                    Cat("the template refuses the conversation: ", Quoted(message.bytes(), /*max=*/200)));
    }
    case Function::kStrftimeNow: {
      BN_ASSIGN_OR_RETURN(const auto given, Bind("strftime_now", arguments, {"format"}, 1));
      if (given[0]->text() == nullptr)
        return Status(Code::kInvalidArgument, Cat("strftime_now of a ", given[0]->type_name()));
      BN_ASSIGN_OR_RETURN(const std::string time, FormatTime(given[0]->text()->bytes(), *now_));
      BN_RETURN_IF_ERROR(budget_.SpendBytes(time.size()));
      // One byte of a message in the format makes all of it a message's.
      const bool of_message =
          given[0]->text()->origins().find(static_cast<char>(Origin::kMessage)) != std::string_view::npos;
      return MakeText(time, of_message ? Origin::kMessage : Origin::kTemplate);
    }
    case Function::kLoopCycle: return CycleOf(*f.loop, arguments);
    case Function::kLoopChanged: {
      auto& last = f.loop->last_changed;
      bool same = last && last->size() == arguments.positional.size();
      for (size_t i = 0; same && i < arguments.positional.size(); ++i) {
        BN_ASSIGN_OR_RETURN(same, Equals((*last)[i], arguments.positional[i], budget_));
      }
      last = arguments.positional;
      return Value(!same);
    }
  }
  return Value();
}

Result<std::string> FormatTime(std::string_view format, int64_t seconds) {
  namespace chrono = std::chrono;
  constexpr int64_t kDay = 86400;
  // Years 1 to 9999, as Python's datetime.
  if (seconds < -62135596800 || seconds > 253402300799) return Status(Code::kInvalidArgument, "a time out of range");
  const int64_t days = seconds / kDay - (seconds % kDay < 0 ? 1 : 0);
  const auto of_day = static_cast<unsigned>(seconds - days * kDay);
  const chrono::sys_days date{chrono::days(days)};
  const chrono::year_month_day ymd(date);
  const unsigned year = static_cast<unsigned>(static_cast<int>(ymd.year())), month = static_cast<unsigned>(ymd.month()),
                 day = static_cast<unsigned>(ymd.day()), weekday = chrono::weekday(date).c_encoding();
  const unsigned hour = of_day / 3600, minute = of_day / 60 % 60, second = of_day % 60;
  const auto day_of_year =
      static_cast<unsigned>((date - chrono::sys_days(ymd.year() / chrono::January / 1)).count() + 1);
  constexpr std::string_view kDays[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
  constexpr std::string_view kMonths[] = {"January", "February", "March",     "April",   "May",      "June",
                                          "July",    "August",   "September", "October", "November", "December"};
  const auto padded = [](unsigned value, size_t width, char fill = '0') {
    const std::string digits = Cat(value);
    return std::string(width - std::min(width, digits.size()), fill) + digits;
  };
  std::string out;
  for (size_t pos = 0; pos < format.size(); ++pos) {
    if (format[pos] != '%') {
      out += format[pos];
      continue;
    }
    const char directive = pos + 1 < format.size() ? format[++pos] : '\0';
    // The glibc extension %-d: no zeros in front.
    const bool bare = directive == '-' && pos + 1 < format.size();
    const size_t width = bare ? 1 : 2;
    switch (bare ? format[++pos] : directive) {
      case 'Y': out += Cat(year); break;
      case 'y': out += padded(year % 100, width); break;
      case 'm': out += padded(month, width); break;
      case 'd': out += padded(day, width); break;
      case 'e': out += padded(day, width, ' '); break;
      case 'H': out += padded(hour, width); break;
      case 'I': out += padded((hour + 11) % 12 + 1, width); break;
      case 'M': out += padded(minute, width); break;
      case 'S': out += padded(second, width); break;
      case 'j': out += padded(day_of_year, bare ? 1 : 3); break;
      case 'p': out += hour < 12 ? "AM" : "PM"; break;
      case 'A': out += kDays[weekday]; break;
      case 'a': out += kDays[weekday].substr(0, 3); break;
      case 'B': out += kMonths[month - 1]; break;
      case 'b': out += kMonths[month - 1].substr(0, 3); break;
      case 'w': out += Cat(weekday); break;
      case 'F': out += Cat(year, '-', padded(month, 2), '-', padded(day, 2)); break;
      case 'T': out += Cat(padded(hour, 2), ':', padded(minute, 2), ':', padded(second, 2)); break;
      case 'Z':
      case 'z': break;  // a time without a zone
      case '%': out += '%'; break;
      default: {
        const size_t at = format.rfind('%', pos), end = pos + DecodeUtf8(format, pos).length;
        return Status(Code::kUnsupported,
                      Cat("strftime_now: the directive ", Quoted(format.substr(at, end - at)), " is not supported"));
      }
    }
  }
  return out;
}

}  // namespace bitnet::core::jinja
