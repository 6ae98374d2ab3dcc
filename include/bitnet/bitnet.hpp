// The C++17 face of libbitnet: header-only, move-only handles over the C functions of <bitnet/bitnet.h>, which is the
// manual.
//
//   auto engine = bitnet::Engine::create().value();
//   auto model = bitnet::Model::load(engine, "model.gguf").value();
//   auto session = bitnet::Session::create(model).value();
//   const bitnet::Message question{"user", "Why is the sky blue?"};
//   auto answer = session.chat({&question, 1}).value();
//   for (const bitnet::Step& step : answer) std::cout << step.text << std::flush;
//   answer.result().value();
//
// Each call returns a Result: test it and nothing throws, or take .value() and a failure is a bitnet::Exception.
// Methods have the names of the C functions; capi() gives the handle for what has no method.
#pragma once

#include <bitnet/bitnet.h>
#include <bitnet/convert.hpp>
#include <bitnet/diff.hpp>
#include <bitnet/engine.hpp>
#include <bitnet/facts.hpp>
#include <bitnet/file.hpp>
#include <bitnet/inspect.hpp>
#include <bitnet/model.hpp>
#include <bitnet/policy.hpp>
#include <bitnet/receipt.hpp>
#include <bitnet/result.hpp>
#include <bitnet/session.hpp>
#include <bitnet/span.hpp>
#include <bitnet/tokenizer.hpp>
