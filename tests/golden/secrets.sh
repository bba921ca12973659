# For sh, bash or zsh. Put each key into a shell variable of the same name first.
# A line whose variable is empty stops with an error and leaves the stored secret as it is.
# Each key from a Google Cloud project of its own: keys of one project share one quota.
# CHAT
supabase secrets set GOOGLE_KEY_1="${GOOGLE_KEY_1:?has no value}"
supabase secrets set GOOGLE_KEY_2="${GOOGLE_KEY_2:?has no value}"
# ARTIFACT
supabase secrets set GOOGLE_KEY_3="${GOOGLE_KEY_3:?has no value}"
supabase secrets set GOOGLE_KEY_4="${GOOGLE_KEY_4:?has no value}"
supabase secrets set GOOGLE_KEY_5="${GOOGLE_KEY_5:?has no value}"
supabase secrets set GOOGLE_KEY_6="${GOOGLE_KEY_6:?has no value}"
# IMAGE
supabase secrets set GOOGLE_KEY_7="${GOOGLE_KEY_7:?has no value}"
supabase secrets set GOOGLE_KEY_8="${GOOGLE_KEY_8:?has no value}"
supabase secrets set GOOGLE_KEY_9="${GOOGLE_KEY_9:?has no value}"
supabase secrets set GOOGLE_KEY_10="${GOOGLE_KEY_10:?has no value}"
