// Sizes and places of all fields, as the first version has them: a change is an ABI break and fails to compile.
#include <bitnet/bitnet.h>

#include <cstddef>

namespace {

#define BN_AT(type, field, offset) static_assert(offsetof(type, field) == (offset), #type "." #field " moved")
#define BN_SIZE(type, size) static_assert(sizeof(type) == (size), #type " changed its size")

static_assert(sizeof(void*) == 8, "the sizes below are those of 64-bit platforms");

BN_SIZE(bitnet_error_info_t, 32);
BN_AT(bitnet_error_info_t, struct_size, 0);
BN_AT(bitnet_error_info_t, status, 4);
BN_AT(bitnet_error_info_t, offset, 8);
BN_AT(bitnet_error_info_t, message, 16);
BN_AT(bitnet_error_info_t, what, 24);

BN_SIZE(bitnet_allocator_t, 32);
BN_AT(bitnet_allocator_t, struct_size, 0);
BN_AT(bitnet_allocator_t, reserved, 4);
BN_AT(bitnet_allocator_t, alloc, 8);
BN_AT(bitnet_allocator_t, free, 16);
BN_AT(bitnet_allocator_t, user_data, 24);

BN_SIZE(bitnet_engine_options_t, 56);
BN_AT(bitnet_engine_options_t, struct_size, 0);
BN_AT(bitnet_engine_options_t, threads, 4);
BN_AT(bitnet_engine_options_t, target, 8);
BN_AT(bitnet_engine_options_t, device, 16);
BN_AT(bitnet_engine_options_t, allocator, 24);
BN_AT(bitnet_engine_options_t, log, 32);
BN_AT(bitnet_engine_options_t, log_user_data, 40);
BN_AT(bitnet_engine_options_t, gpu_memory_limit, 48);

BN_SIZE(bitnet_engine_info_t, 32);
BN_AT(bitnet_engine_info_t, struct_size, 0);
BN_AT(bitnet_engine_info_t, threads, 4);
BN_AT(bitnet_engine_info_t, target, 8);
BN_AT(bitnet_engine_info_t, device, 16);
BN_AT(bitnet_engine_info_t, fallback_reason, 24);

BN_SIZE(bitnet_target_t, 16);
BN_AT(bitnet_target_t, struct_size, 0);
BN_AT(bitnet_target_t, available, 4);
BN_AT(bitnet_target_t, name, 8);

BN_SIZE(bitnet_self_test_t, 24);
BN_AT(bitnet_self_test_t, struct_size, 0);
BN_AT(bitnet_self_test_t, n_checks, 4);
BN_AT(bitnet_self_test_t, n_different, 8);
BN_AT(bitnet_self_test_t, reserved, 12);
BN_AT(bitnet_self_test_t, first_different, 16);

BN_SIZE(bitnet_device_t, 32);
BN_AT(bitnet_device_t, struct_size, 0);
BN_AT(bitnet_device_t, available, 4);
BN_AT(bitnet_device_t, name, 8);
BN_AT(bitnet_device_t, description, 16);
BN_AT(bitnet_device_t, memory_bytes, 24);

BN_SIZE(bitnet_file_info_t, 48);
BN_AT(bitnet_file_info_t, struct_size, 0);
BN_AT(bitnet_file_info_t, gguf_version, 4);
BN_AT(bitnet_file_info_t, n_metadata, 8);
BN_AT(bitnet_file_info_t, n_tensors, 16);
BN_AT(bitnet_file_info_t, size_bytes, 24);
BN_AT(bitnet_file_info_t, data_offset, 32);
BN_AT(bitnet_file_info_t, alignment, 40);

BN_SIZE(bitnet_metadata_t, 48);
BN_AT(bitnet_metadata_t, struct_size, 0);
BN_AT(bitnet_metadata_t, reserved, 4);
BN_AT(bitnet_metadata_t, key, 8);
BN_AT(bitnet_metadata_t, type, 16);
BN_AT(bitnet_metadata_t, element_type, 24);
BN_AT(bitnet_metadata_t, count, 32);
BN_AT(bitnet_metadata_t, offset, 40);

BN_SIZE(bitnet_tensor_t, 72);
BN_AT(bitnet_tensor_t, struct_size, 0);
BN_AT(bitnet_tensor_t, n_dims, 4);
BN_AT(bitnet_tensor_t, name, 8);
BN_AT(bitnet_tensor_t, type, 16);
BN_AT(bitnet_tensor_t, shape, 24);
BN_AT(bitnet_tensor_t, n_bytes, 56);
BN_AT(bitnet_tensor_t, offset, 64);

BN_SIZE(bitnet_tokenizer_options_t, 32);
BN_AT(bitnet_tokenizer_options_t, struct_size, 0);
BN_AT(bitnet_tokenizer_options_t, reserved, 4);
BN_AT(bitnet_tokenizer_options_t, pre, 8);
BN_AT(bitnet_tokenizer_options_t, log, 16);
BN_AT(bitnet_tokenizer_options_t, log_user_data, 24);

BN_SIZE(bitnet_tokenizer_info_t, 56);
BN_AT(bitnet_tokenizer_info_t, struct_size, 0);
BN_AT(bitnet_tokenizer_info_t, n_vocab, 4);
BN_AT(bitnet_tokenizer_info_t, bos, 8);
BN_AT(bitnet_tokenizer_info_t, eos, 12);
BN_AT(bitnet_tokenizer_info_t, eot, 16);
BN_AT(bitnet_tokenizer_info_t, add_bos, 20);
BN_AT(bitnet_tokenizer_info_t, add_eos, 24);
BN_AT(bitnet_tokenizer_info_t, reserved, 28);
BN_AT(bitnet_tokenizer_info_t, model, 32);
BN_AT(bitnet_tokenizer_info_t, pre, 40);
BN_AT(bitnet_tokenizer_info_t, chat_form, 48);

BN_SIZE(bitnet_chat_message_t, 24);
BN_AT(bitnet_chat_message_t, role, 0);
BN_AT(bitnet_chat_message_t, content, 8);
BN_AT(bitnet_chat_message_t, content_bytes, 16);

BN_SIZE(bitnet_chat_options_t, 40);
BN_AT(bitnet_chat_options_t, struct_size, 0);
BN_AT(bitnet_chat_options_t, flags, 4);
BN_AT(bitnet_chat_options_t, chat_template, 8);
BN_AT(bitnet_chat_options_t, messages_json, 16);
BN_AT(bitnet_chat_options_t, variables_json, 24);
BN_AT(bitnet_chat_options_t, time_s, 32);

BN_SIZE(bitnet_policy_info_t, 32);
BN_AT(bitnet_policy_info_t, struct_size, 0);
BN_AT(bitnet_policy_info_t, version, 4);
BN_AT(bitnet_policy_info_t, n_policies, 8);
BN_AT(bitnet_policy_info_t, path, 16);
BN_AT(bitnet_policy_info_t, sha256, 24);

BN_SIZE(bitnet_validation_info_t, 40);
BN_AT(bitnet_validation_info_t, struct_size, 0);
BN_AT(bitnet_validation_info_t, verdict, 4);
BN_AT(bitnet_validation_info_t, n_corrections, 8);
BN_AT(bitnet_validation_info_t, fingerprint, 16);
BN_AT(bitnet_validation_info_t, sha256, 24);
BN_AT(bitnet_validation_info_t, message, 32);

BN_SIZE(bitnet_correction_t, 120);
BN_AT(bitnet_correction_t, struct_size, 0);
BN_AT(bitnet_correction_t, verdict, 4);
BN_AT(bitnet_correction_t, policy, 8);
BN_AT(bitnet_correction_t, type, 16);
BN_AT(bitnet_correction_t, reason, 24);
BN_AT(bitnet_correction_t, n_tensors, 32);
BN_AT(bitnet_correction_t, n_layers, 40);
BN_AT(bitnet_correction_t, factor_min, 48);
BN_AT(bitnet_correction_t, factor_max, 56);
BN_AT(bitnet_correction_t, target_rms, 64);
BN_AT(bitnet_correction_t, before_min, 72);
BN_AT(bitnet_correction_t, before_max, 80);
BN_AT(bitnet_correction_t, after_min, 88);
BN_AT(bitnet_correction_t, after_max, 96);
BN_AT(bitnet_correction_t, allowed_min, 104);
BN_AT(bitnet_correction_t, allowed_max, 112);

BN_SIZE(bitnet_model_options_t, 88);
BN_AT(bitnet_model_options_t, struct_size, 0);
BN_AT(bitnet_model_options_t, mode, 4);
BN_AT(bitnet_model_options_t, verify, 8);
BN_AT(bitnet_model_options_t, i2s_arm_layout, 12);
BN_AT(bitnet_model_options_t, allow_suspicious_norms, 16);
BN_AT(bitnet_model_options_t, allow_dense_linears, 20);
BN_AT(bitnet_model_options_t, pre, 24);
BN_AT(bitnet_model_options_t, tokenizer, 32);
BN_AT(bitnet_model_options_t, progress, 40);
BN_AT(bitnet_model_options_t, progress_user_data, 48);
BN_AT(bitnet_model_options_t, policy, 56);
BN_AT(bitnet_model_options_t, sha256, 64);
BN_AT(bitnet_model_options_t, allow_corrections, 72);
BN_AT(bitnet_model_options_t, strict, 76);
BN_AT(bitnet_model_options_t, hash, 80);
BN_AT(bitnet_model_options_t, reserved, 84);

BN_SIZE(bitnet_model_info_t, 152);
BN_AT(bitnet_model_info_t, struct_size, 0);
BN_AT(bitnet_model_info_t, n_layers, 4);
BN_AT(bitnet_model_info_t, n_embd, 8);
BN_AT(bitnet_model_info_t, n_ff, 12);
BN_AT(bitnet_model_info_t, n_heads, 16);
BN_AT(bitnet_model_info_t, n_heads_kv, 20);
BN_AT(bitnet_model_info_t, head_dim, 24);
BN_AT(bitnet_model_info_t, n_rot, 28);
BN_AT(bitnet_model_info_t, n_vocab, 32);
BN_AT(bitnet_model_info_t, n_ctx_train, 36);
BN_AT(bitnet_model_info_t, norm_eps, 40);
BN_AT(bitnet_model_info_t, rope_base, 44);
BN_AT(bitnet_model_info_t, rope_linear_factor, 48);
BN_AT(bitnet_model_info_t, rope_adjacent, 52);
BN_AT(bitnet_model_info_t, silu, 56);
BN_AT(bitnet_model_info_t, sub_norms, 60);
BN_AT(bitnet_model_info_t, tied_head, 64);
BN_AT(bitnet_model_info_t, corrected, 68);
BN_AT(bitnet_model_info_t, n_params, 72);
BN_AT(bitnet_model_info_t, size_bytes, 80);
BN_AT(bitnet_model_info_t, buffer_bytes, 88);
BN_AT(bitnet_model_info_t, architecture, 96);
BN_AT(bitnet_model_info_t, architecture_key, 104);
BN_AT(bitnet_model_info_t, name, 112);
BN_AT(bitnet_model_info_t, quantization, 120);
BN_AT(bitnet_model_info_t, path, 128);
BN_AT(bitnet_model_info_t, n_dense_linears, 136);
BN_AT(bitnet_model_info_t, reserved, 140);
BN_AT(bitnet_model_info_t, mapped_bytes, 144);

BN_SIZE(bitnet_facts_info_t, 192);
BN_AT(bitnet_facts_info_t, struct_size, 0);
BN_AT(bitnet_facts_info_t, threads, 4);
BN_AT(bitnet_facts_info_t, target, 8);
BN_AT(bitnet_facts_info_t, head, 16);
BN_AT(bitnet_facts_info_t, logits_sha256, 24);
BN_AT(bitnet_facts_info_t, reserved, 89);
BN_AT(bitnet_facts_info_t, prompt_ms, 96);
BN_AT(bitnet_facts_info_t, generate_ms, 104);
BN_AT(bitnet_facts_info_t, time_to_first_token_ms, 112);
BN_AT(bitnet_facts_info_t, n_prompt_tokens, 120);
BN_AT(bitnet_facts_info_t, n_generated_tokens, 128);
BN_AT(bitnet_facts_info_t, n_evaluated_tokens, 136);
BN_AT(bitnet_facts_info_t, head_survivors, 144);
BN_AT(bitnet_facts_info_t, n_kernels, 152);
BN_AT(bitnet_facts_info_t, device, 160);
BN_AT(bitnet_facts_info_t, requested_device, 168);
BN_AT(bitnet_facts_info_t, fallback_reason, 176);
BN_AT(bitnet_facts_info_t, gpu, 184);

BN_SIZE(bitnet_kernel_t, 24);
BN_AT(bitnet_kernel_t, struct_size, 0);
BN_AT(bitnet_kernel_t, reserved, 4);
BN_AT(bitnet_kernel_t, id, 8);
BN_AT(bitnet_kernel_t, calls, 16);

BN_SIZE(bitnet_session_options_t, 24);
BN_AT(bitnet_session_options_t, struct_size, 0);
BN_AT(bitnet_session_options_t, n_ctx, 4);
BN_AT(bitnet_session_options_t, kv_type, 8);
BN_AT(bitnet_session_options_t, head, 12);
BN_AT(bitnet_session_options_t, chunk, 16);
BN_AT(bitnet_session_options_t, reserved, 20);

BN_SIZE(bitnet_session_info_t, 32);
BN_AT(bitnet_session_info_t, struct_size, 0);
BN_AT(bitnet_session_info_t, position, 4);
BN_AT(bitnet_session_info_t, n_ctx, 8);
BN_AT(bitnet_session_info_t, kv_type, 12);
BN_AT(bitnet_session_info_t, head, 16);
BN_AT(bitnet_session_info_t, n_logits, 20);
BN_AT(bitnet_session_info_t, generating, 24);
BN_AT(bitnet_session_info_t, reserved, 28);

BN_SIZE(bitnet_batch_item_t, 32);
BN_AT(bitnet_batch_item_t, session, 0);
BN_AT(bitnet_batch_item_t, tokens, 8);
BN_AT(bitnet_batch_item_t, n_tokens, 16);
BN_AT(bitnet_batch_item_t, want, 24);
BN_AT(bitnet_batch_item_t, reserved, 28);

BN_SIZE(bitnet_candidate_t, 16);
BN_AT(bitnet_candidate_t, token, 0);
BN_AT(bitnet_candidate_t, logit, 4);
BN_AT(bitnet_candidate_t, log_probability, 8);

BN_SIZE(bitnet_generate_options_t, 72);
BN_AT(bitnet_generate_options_t, struct_size, 0);
BN_AT(bitnet_generate_options_t, max_new_tokens, 4);
BN_AT(bitnet_generate_options_t, temperature, 8);
BN_AT(bitnet_generate_options_t, top_k, 12);
BN_AT(bitnet_generate_options_t, top_p, 16);
BN_AT(bitnet_generate_options_t, min_p, 20);
BN_AT(bitnet_generate_options_t, repeat_penalty, 24);
BN_AT(bitnet_generate_options_t, repeat_last_n, 28);
BN_AT(bitnet_generate_options_t, seed, 32);
BN_AT(bitnet_generate_options_t, ignore_eos, 40);
BN_AT(bitnet_generate_options_t, n_stop_ids, 44);
BN_AT(bitnet_generate_options_t, stop_ids, 48);
BN_AT(bitnet_generate_options_t, stop_strings, 56);
BN_AT(bitnet_generate_options_t, n_stop_strings, 64);
BN_AT(bitnet_generate_options_t, reserved, 68);

BN_SIZE(bitnet_step_t, 32);
BN_AT(bitnet_step_t, struct_size, 0);
BN_AT(bitnet_step_t, token, 4);
BN_AT(bitnet_step_t, text, 8);
BN_AT(bitnet_step_t, text_bytes, 16);
BN_AT(bitnet_step_t, reason, 24);
BN_AT(bitnet_step_t, reserved, 28);

BN_SIZE(bitnet_memory_t, 40);
BN_AT(bitnet_memory_t, struct_size, 0);
BN_AT(bitnet_memory_t, n_ctx, 4);
BN_AT(bitnet_memory_t, mapped_bytes, 8);
BN_AT(bitnet_memory_t, weight_bytes, 16);
BN_AT(bitnet_memory_t, cache_bytes, 24);
BN_AT(bitnet_memory_t, scratch_bytes, 32);

BN_SIZE(bitnet_receipt_options_t, 40);
BN_AT(bitnet_receipt_options_t, struct_size, 0);
BN_AT(bitnet_receipt_options_t, no_text, 4);
BN_AT(bitnet_receipt_options_t, ci, 8);
BN_AT(bitnet_receipt_options_t, n_variables, 12);
BN_AT(bitnet_receipt_options_t, variables, 16);
BN_AT(bitnet_receipt_options_t, requested_target, 24);
BN_AT(bitnet_receipt_options_t, fallback_reason, 32);

BN_SIZE(bitnet_verify_options_t, 24);
BN_AT(bitnet_verify_options_t, struct_size, 0);
BN_AT(bitnet_verify_options_t, allow_corrections, 4);
BN_AT(bitnet_verify_options_t, require_target, 8);
BN_AT(bitnet_verify_options_t, model, 16);

BN_SIZE(bitnet_verification_info_t, 24);
BN_AT(bitnet_verification_info_t, struct_size, 0);
BN_AT(bitnet_verification_info_t, accepted, 4);
BN_AT(bitnet_verification_info_t, n_problems, 8);
BN_AT(bitnet_verification_info_t, first_step, 16);

BN_SIZE(bitnet_problem_t, 24);
BN_AT(bitnet_problem_t, struct_size, 0);
BN_AT(bitnet_problem_t, reserved, 4);
BN_AT(bitnet_problem_t, field, 8);
BN_AT(bitnet_problem_t, message, 16);

BN_SIZE(bitnet_comparison_t, 64);
BN_AT(bitnet_comparison_t, struct_size, 0);
BN_AT(bitnet_comparison_t, same_prompt, 4);
BN_AT(bitnet_comparison_t, token_agreement, 8);
BN_AT(bitnet_comparison_t, text_similarity, 16);
BN_AT(bitnet_comparison_t, first_difference, 24);
BN_AT(bitnet_comparison_t, n_tokens_a, 32);
BN_AT(bitnet_comparison_t, n_tokens_b, 40);
BN_AT(bitnet_comparison_t, n_model_differences, 48);
BN_AT(bitnet_comparison_t, n_correction_differences, 52);
BN_AT(bitnet_comparison_t, n_option_differences, 56);
BN_AT(bitnet_comparison_t, reserved, 60);

BN_SIZE(bitnet_convert_options_t, 64);
BN_AT(bitnet_convert_options_t, struct_size, 0);
BN_AT(bitnet_convert_options_t, ternary, 4);
BN_AT(bitnet_convert_options_t, table, 8);
BN_AT(bitnet_convert_options_t, overwrite, 12);
BN_AT(bitnet_convert_options_t, i2s_arm_layout, 16);
BN_AT(bitnet_convert_options_t, reserved, 20);
BN_AT(bitnet_convert_options_t, name, 24);
BN_AT(bitnet_convert_options_t, pre, 32);
BN_AT(bitnet_convert_options_t, progress, 40);
BN_AT(bitnet_convert_options_t, progress_user_data, 48);
BN_AT(bitnet_convert_options_t, tokenizer, 56);

BN_SIZE(bitnet_convert_report_t, 160);
BN_AT(bitnet_convert_report_t, struct_size, 0);
BN_AT(bitnet_convert_report_t, n_tensors, 4);
BN_AT(bitnet_convert_report_t, file_bytes, 8);
BN_AT(bitnet_convert_report_t, n_codes, 16);
BN_AT(bitnet_convert_report_t, exact_scales, 24);
BN_AT(bitnet_convert_report_t, ternary_sha256, 28);
BN_AT(bitnet_convert_report_t, ternary_scales_sha256, 93);
BN_AT(bitnet_convert_report_t, reserved, 158);

BN_SIZE(bitnet_export_options_t, 24);
BN_AT(bitnet_export_options_t, struct_size, 0);
BN_AT(bitnet_export_options_t, i2s_arm_layout, 4);
BN_AT(bitnet_export_options_t, progress, 8);
BN_AT(bitnet_export_options_t, progress_user_data, 16);

BN_SIZE(bitnet_diff_options_t, 32);
BN_AT(bitnet_diff_options_t, struct_size, 0);
BN_AT(bitnet_diff_options_t, i2s_arm_layout_a, 4);
BN_AT(bitnet_diff_options_t, i2s_arm_layout_b, 8);
BN_AT(bitnet_diff_options_t, reserved, 12);
BN_AT(bitnet_diff_options_t, progress, 16);
BN_AT(bitnet_diff_options_t, progress_user_data, 24);

BN_SIZE(bitnet_diff_info_t, 96);
BN_AT(bitnet_diff_info_t, struct_size, 0);
BN_AT(bitnet_diff_info_t, equal, 4);
BN_AT(bitnet_diff_info_t, n_tensors, 8);
BN_AT(bitnet_diff_info_t, n_equal, 16);
BN_AT(bitnet_diff_info_t, n_scale, 24);
BN_AT(bitnet_diff_info_t, n_values, 32);
BN_AT(bitnet_diff_info_t, n_shape, 40);
BN_AT(bitnet_diff_info_t, n_only_a, 48);
BN_AT(bitnet_diff_info_t, n_only_b, 56);
BN_AT(bitnet_diff_info_t, n_not_compared, 64);
BN_AT(bitnet_diff_info_t, n_metadata, 72);
BN_AT(bitnet_diff_info_t, n_metadata_different, 80);
BN_AT(bitnet_diff_info_t, n_notes, 88);

BN_SIZE(bitnet_tensor_diff_t, 112);
BN_AT(bitnet_tensor_diff_t, struct_size, 0);
BN_AT(bitnet_tensor_diff_t, outcome, 4);
BN_AT(bitnet_tensor_diff_t, name, 8);
BN_AT(bitnet_tensor_diff_t, name_a, 16);
BN_AT(bitnet_tensor_diff_t, name_b, 24);
BN_AT(bitnet_tensor_diff_t, type_a, 32);
BN_AT(bitnet_tensor_diff_t, type_b, 40);
BN_AT(bitnet_tensor_diff_t, shape_a, 48);
BN_AT(bitnet_tensor_diff_t, shape_b, 56);
BN_AT(bitnet_tensor_diff_t, n_compared, 64);
BN_AT(bitnet_tensor_diff_t, n_different, 72);
BN_AT(bitnet_tensor_diff_t, first_different, 80);
BN_AT(bitnet_tensor_diff_t, max_difference, 88);
BN_AT(bitnet_tensor_diff_t, n_scales, 96);
BN_AT(bitnet_tensor_diff_t, n_scales_different, 104);

BN_SIZE(bitnet_metadata_diff_t, 32);
BN_AT(bitnet_metadata_diff_t, struct_size, 0);
BN_AT(bitnet_metadata_diff_t, reserved, 4);
BN_AT(bitnet_metadata_diff_t, key, 8);
BN_AT(bitnet_metadata_diff_t, a, 16);
BN_AT(bitnet_metadata_diff_t, b, 24);

BN_SIZE(bitnet_inspect_options_t, 32);
BN_AT(bitnet_inspect_options_t, struct_size, 0);
BN_AT(bitnet_inspect_options_t, weights, 4);
BN_AT(bitnet_inspect_options_t, no_gate, 8);
BN_AT(bitnet_inspect_options_t, reserved, 12);
BN_AT(bitnet_inspect_options_t, rules, 16);
BN_AT(bitnet_inspect_options_t, sha256, 24);

BN_SIZE(bitnet_inspection_info_t, 88);
BN_AT(bitnet_inspection_info_t, struct_size, 0);
BN_AT(bitnet_inspection_info_t, n_layers, 4);
BN_AT(bitnet_inspection_info_t, n_tensors, 8);
BN_AT(bitnet_inspection_info_t, n_suspicious, 16);
BN_AT(bitnet_inspection_info_t, sha256, 24);
BN_AT(bitnet_inspection_info_t, name, 32);
BN_AT(bitnet_inspection_info_t, architecture, 40);
BN_AT(bitnet_inspection_info_t, quantization, 48);
BN_AT(bitnet_inspection_info_t, rules, 56);
BN_AT(bitnet_inspection_info_t, cause, 64);
BN_AT(bitnet_inspection_info_t, fix, 72);
BN_AT(bitnet_inspection_info_t, temporary, 80);

BN_SIZE(bitnet_tensor_report_t, 168);
BN_AT(bitnet_tensor_report_t, struct_size, 0);
BN_AT(bitnet_tensor_report_t, kind, 4);
BN_AT(bitnet_tensor_report_t, layer, 8);
BN_AT(bitnet_tensor_report_t, readable, 12);
BN_AT(bitnet_tensor_report_t, name, 16);
BN_AT(bitnet_tensor_report_t, cls, 24);
BN_AT(bitnet_tensor_report_t, type, 32);
BN_AT(bitnet_tensor_report_t, suspicions, 40);
BN_AT(bitnet_tensor_report_t, source, 48);
BN_AT(bitnet_tensor_report_t, rms, 56);
BN_AT(bitnet_tensor_report_t, min, 64);
BN_AT(bitnet_tensor_report_t, max, 72);
BN_AT(bitnet_tensor_report_t, expected_min, 80);
BN_AT(bitnet_tensor_report_t, expected_max, 88);
BN_AT(bitnet_tensor_report_t, n_values, 96);
BN_AT(bitnet_tensor_report_t, n_nan, 104);
BN_AT(bitnet_tensor_report_t, n_inf, 112);
BN_AT(bitnet_tensor_report_t, n_zero, 120);
BN_AT(bitnet_tensor_report_t, share_minus, 128);
BN_AT(bitnet_tensor_report_t, share_zero, 136);
BN_AT(bitnet_tensor_report_t, share_plus, 144);
BN_AT(bitnet_tensor_report_t, scale_min, 152);
BN_AT(bitnet_tensor_report_t, scale_max, 160);

}  // namespace
