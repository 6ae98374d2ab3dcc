#include "core/runtime/engine.h"

#include <utility>

namespace bitnet::core {

Result<std::shared_ptr<Engine>> Engine::Create(EngineOptions options) {
  const kernels::KernelTable* table = kernels::FindTable(options.target.c_str());
  if (table == nullptr) {
    size_t n = 0;
    const char* const* names = kernels::BuiltTableNames(&n);
    std::string all;
    for (size_t i = 0; i < n; ++i) {
      if (options.target == names[i]) {
        return Status(Code::kTargetUnavailable, Cat("target ", options.target, ": this cpu cannot run it"), "target");
      }
      all += Cat(i == 0 ? "" : ", ", names[i]);
    }
    return Status(Code::kInvalidArgument, Cat("target ", Quoted(options.target), ": unknown, expected one of ", all),
                  "target");
  }
  std::shared_ptr<Engine> engine(new Engine);
  engine->table_ = table;
  BN_ASSIGN_OR_RETURN(engine->pool_, ThreadPool::Create(options.threads == 0 ? UsableCores() : options.threads));
  engine->options_ = std::move(options);
  return engine;
}

}  // namespace bitnet::core
