{{/* What the chart reads in gateway.toml, so that ports, times and mounts are said once. Helm 3.17 is the oldest with fromToml. */}}

{{/* The port of a listener, or 0: `include "mq-gateway.port" (list $toml "server")`. */}}
{{- define "mq-gateway.port" -}}
{{- $listen := dig (index . 1) "listen" "" (index . 0) | toString }}
{{- regexFind "[0-9]+$" $listen | default "0" }}
{{- end }}

{{- define "mq-gateway.dataPort" -}}
{{- include "mq-gateway.port" (list (fromToml .Values.config) "server") }}
{{- end }}

{{- define "mq-gateway.managementPort" -}}
{{- include "mq-gateway.port" (list (fromToml .Values.config) "management") }}
{{- end }}

{{/* Milliseconds of a duration such as "1m30s". */}}
{{- define "mq-gateway.milliseconds" -}}
{{- $units := dict "h" 3600000 "m" 60000 "s" 1000 "ms" 1 }}
{{- $sum := 0 }}
{{- range regexFindAll "[0-9]+(ms|h|m|s)" (toString .) -1 }}
{{- $sum = add $sum (mul (regexFind "[0-9]+" . | atoi) (get $units (regexFind "[a-z]+" .))) }}
{{- end }}
{{- $sum }}
{{- end }}

{{/* A setting of [server] with a duration, in milliseconds; the environment lies above the file:
     `include "mq-gateway.duration" (list . $toml "drain_delay" "5s")`. */}}
{{- define "mq-gateway.duration" -}}
{{- $value := dig "server" (index . 2) (index . 3) (index . 1) }}
{{- range (index . 0).Values.extraEnv }}
{{- if eq .name (printf "MQ_GATEWAY__SERVER__%s" (upper (index $ 2))) }}{{ $value = .value }}{{ end }}
{{- end }}
{{- include "mq-gateway.milliseconds" $value }}
{{- end }}

{{/* "true" where something names a collector of traces, which of them counts is the gateway's business; else nothing. */}}
{{- define "mq-gateway.traced" -}}
{{- $endpoint := dig "tracing" "endpoint" "" (fromToml .Values.config) }}
{{- range .Values.extraEnv }}
{{- if has .name (list "MQ_GATEWAY__TRACING__ENDPOINT" "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" "OTEL_EXPORTER_OTLP_ENDPOINT") }}
{{- $endpoint = or $endpoint .value .valueFrom }}
{{- end }}
{{- end }}
{{- if $endpoint }}true{{ end }}
{{- end }}

{{/* Where the Secret of tracing.headersSecret is mounted. */}}
{{- define "mq-gateway.headersMount" -}}
/run/secrets/otlp
{{- end }}

{{/* Where the Secret of management.tokenSecret is mounted. */}}
{{- define "mq-gateway.tokenMount" -}}
/run/secrets/operator
{{- end }}

{{/* "true" for a path below one of the mounts: `include "mq-gateway.mounted" (list $path $mounts)`; else nothing. */}}
{{- define "mq-gateway.mounted" -}}
{{- $path := index . 0 | toString }}
{{- $found := "" }}
{{- range index . 1 }}
{{- if or (eq $path .) (hasPrefix (printf "%s/" (trimSuffix "/" .)) $path) }}{{ $found = "true" }}{{ end }}
{{- end }}
{{- $found }}
{{- end }}

{{/* Ends with everything that is wrong with the values, before anything is installed. */}}
{{- define "mq-gateway.check" -}}
{{- $values := .Values }}
{{- $toml := fromToml $values.config }}
{{- if hasKey $toml "Error" }}
{{- fail (printf "\n\nconfig is not TOML: %s\n" $toml.Error) }}
{{- end }}
{{- $problems := list }}

{{- range $table := list "server" "management" }}
{{- $listen := dig $table "listen" "" $toml | toString }}
{{- if not (regexMatch "^(0\\.0\\.0\\.0|\\[::\\]):[1-9][0-9]*$" $listen) }}
{{- $problems = append $problems (printf "config: [%s] listen = %q reaches nobody outside of the pod: set \"0.0.0.0:PORT\", or \"[::]:PORT\" where there is IPv6" $table (default "not set" $listen)) }}
{{- end }}
{{- end }}
{{- if eq (include "mq-gateway.port" (list $toml "server")) (include "mq-gateway.port" (list $toml "management")) }}
{{- $problems = append $problems "config: [server] and [management] listen on the same port" }}
{{- end }}

{{- $drain := include "mq-gateway.duration" (list . $toml "drain_delay" "5s") | atoi }}
{{- $shutdown := include "mq-gateway.duration" (list . $toml "shutdown_timeout" "20s") | atoi }}
{{- if le (mul 1000 (int $values.terminationGracePeriodSeconds)) (add $drain $shutdown) }}
{{- $problems = append $problems (printf "terminationGracePeriodSeconds is %d, but at the stop the gateway goes on serving for drain_delay (%d ms) and then gives running requests shutdown_timeout (%d ms): set it to more than %d" (int $values.terminationGracePeriodSeconds) $drain $shutdown (div (add $drain $shutdown 999) 1000)) }}
{{- end }}
{{- if lt $drain 3000 }}
{{- $problems = append $problems (printf "config: [server] drain_delay is %d ms, but it takes 2 s until the readiness probe has noticed, and some more until nobody sends requests here: set it to \"3s\" or more" $drain) }}
{{- end }}

{{- $several := or $values.autoscaling.enabled (gt (int $values.replicaCount) 1) }}
{{- $embedded := dig "embedded" "enabled" false $toml }}
{{- $memory := eq (dig "embedded" "storage" "disk" $toml) "memory" }}
{{- if and $embedded $several }}
{{- $problems = append $problems "config: [embedded] enabled = true keeps messages in one pod, and others would not find them: set replicaCount to 1 and autoscaling.enabled to false" }}
{{- end }}
{{- if and $values.persistence.enabled (not (and $embedded (not $memory))) }}
{{- $problems = append $problems "persistence.enabled makes a volume that nothing writes to: set [embedded] enabled = true in config, with storage = \"disk\", or persistence.enabled to false" }}
{{- end }}
{{- if and $embedded (not $memory) (not $values.persistence.enabled) }}
{{- $problems = append $problems "config: [embedded] keeps messages on disk, and the pod has none: set persistence.enabled to true, or storage = \"memory\" to lose them at every stop" }}
{{- end }}

{{- $mounts := list }}
{{- range $values.credentials }}{{ $mounts = append $mounts .mountPath }}{{ end }}
{{- range $values.extraVolumeMounts }}{{ $mounts = append $mounts .mountPath }}{{ end }}
{{- range $name, $pair := dig "credentials" dict $toml }}
{{- range $key, $path := $pair }}
{{- if not (include "mq-gateway.mounted" (list $path $mounts)) }}
{{- $problems = append $problems (printf "config: [credentials.%s] %s = %q is mounted by nothing: add an entry with secretName and this mountPath to credentials (there are: %s)" $name $key (toString $path) (join ", " $mounts | default "none")) }}
{{- end }}
{{- end }}
{{- end }}

{{- range $name, $subscription := dig "subscriptions" dict $toml }}
{{- $files := list }}
{{- range dig "secrets" list $subscription }}
{{- if kindIs "map" . }}{{ $files = append $files (list "secrets" (dig "file" "" .)) }}{{ else }}{{ $files = append $files (list "secrets" .) }}{{ end }}
{{- end }}
{{- range $key := list "headers_file" "ca_file" }}
{{- with dig $key "" $subscription }}{{ $files = append $files (list $key .) }}{{ end }}
{{- end }}
{{- range $files }}
{{- if not (include "mq-gateway.mounted" (list (index . 1) $mounts)) }}
{{- $problems = append $problems (printf "config: [subscriptions.%s] %s: %q is mounted by nothing: add an entry with secretName and mountPath to credentials, or a volume to extraVolumes and extraVolumeMounts (there are: %s)" $name (index . 0) (toString (index . 1)) (join ", " $mounts | default "none")) }}
{{- end }}
{{- end }}
{{- end }}

{{- $token := dig "management" "token_file" "" $toml }}
{{- range $values.extraEnv }}
{{- if eq .name "MQ_GATEWAY__MANAGEMENT__TOKEN_FILE" }}{{ $token = .value }}{{ end }}
{{- end }}
{{- $tokenMount := include "mq-gateway.tokenMount" . }}
{{- $tokenMounts := $mounts }}
{{- if $values.management.tokenSecret }}{{ $tokenMounts = append $mounts $tokenMount }}{{ end }}
{{- if and $token (not (include "mq-gateway.mounted" (list $token $tokenMounts))) }}
{{- $problems = append $problems (printf "config: [management] token_file = %q is mounted by nothing: name the Secret with it in management.tokenSecret, which is mounted at %s" (toString $token) $tokenMount) }}
{{- end }}
{{- if and $values.management.tokenSecret (not (include "mq-gateway.mounted" (list $token (list $tokenMount)))) }}
{{- $problems = append $problems (printf "management.tokenSecret mounts a token that nothing reads: set [management] token_file = \"%s/token\" in config" $tokenMount) }}
{{- end }}

{{- $headers := dig "tracing" "headers_file" "" $toml }}
{{- range $values.extraEnv }}
{{- if eq .name "MQ_GATEWAY__TRACING__HEADERS_FILE" }}{{ $headers = .value }}{{ end }}
{{- end }}
{{- $own := include "mq-gateway.headersMount" . }}
{{- if $values.tracing.headersSecret }}{{ $mounts = append $mounts $own }}{{ end }}
{{- if and $headers (not (include "mq-gateway.mounted" (list $headers $mounts))) }}
{{- $problems = append $problems (printf "config: [tracing] headers_file = %q is mounted by nothing: name the Secret with it in tracing.headersSecret, which is mounted at %s" (toString $headers) $own) }}
{{- end }}
{{- if and $values.tracing.headersSecret (not (include "mq-gateway.mounted" (list $headers (list $own)))) }}
{{- $problems = append $problems (printf "tracing.headersSecret mounts headers that nothing reads: set [tracing] headers_file = \"%s/headers\" in config" $own) }}
{{- end }}
{{- if and $values.tracing.headersSecret (not (include "mq-gateway.traced" .)) }}
{{- $problems = append $problems "tracing.headersSecret: headers go with traces, and there are none: set [tracing] endpoint in config" }}
{{- end }}

{{- range $values.extraEnv }}
{{- if regexMatch "^MQ_GATEWAY__(SERVER|MANAGEMENT)__LISTEN$|^MQ_GATEWAY__DATA_DIR$" .name }}
{{- $problems = append $problems (printf "extraEnv: %s is the chart's own: set listen in config; the data directory is on the volume of persistence" .name) }}
{{- end }}
{{- end }}
{{- range $values.extraArgs }}
{{- if regexMatch "^--(config|listen|management-listen|data-dir|user-properties)\\b" . }}
{{- $problems = append $problems (printf "extraArgs: %s is the chart's own: set it in config" .) }}
{{- end }}
{{- end }}

{{- if and $values.autoscaling.enabled (gt (int $values.autoscaling.minReplicas) (int $values.autoscaling.maxReplicas)) }}
{{- $problems = append $problems "autoscaling.minReplicas is more than autoscaling.maxReplicas" }}
{{- end }}
{{- if and $values.autoscaling.enabled (eq (int $values.autoscaling.targetCPUUtilizationPercentage) 0) (not $values.autoscaling.requestsInFlight.enabled) }}
{{- $problems = append $problems "autoscaling has no measure: set autoscaling.targetCPUUtilizationPercentage or autoscaling.requestsInFlight.enabled" }}
{{- end }}
{{- if and $values.autoscaling.enabled (gt (int $values.autoscaling.targetCPUUtilizationPercentage) 0) (not (dig "requests" "cpu" "" $values.resources)) }}
{{- $problems = append $problems "autoscaling by CPU is relative to resources.requests.cpu, which is not set" }}
{{- end }}
{{- if and (not $values.serviceAccount.create) (not $values.serviceAccount.name) }}
{{- $problems = append $problems "serviceAccount.create is false: name one that exists in serviceAccount.name" }}
{{- end }}

{{- if $problems }}
{{- fail (printf "\n\nThese values do not make a gateway that runs:\n- %s\n" (join "\n- " $problems)) }}
{{- end }}
{{- end }}
