# Polling, limits and counters.

use strict;
use warnings;
use Test::More;
use Errno qw(EAGAIN);
use lib 't/lib';
use Tester;
use Time::HiRes 'time';

use IO::AIO;

sub readable {
    my $bits = '';
    vec($bits, IO::AIO::poll_fileno, 1) = 1;
    return scalar select $bits, undef, undef, $_[0];
}

is(IO::AIO::poll_cb, 0, 'nothing to do');
is(IO::AIO::poll, 0, 'nor to wait for');
IO::AIO::poll_wait;
IO::AIO::flush;
my $fd = IO::AIO::poll_fileno;
cmp_ok($fd, '>', 2, 'a descriptor');
is(IO::AIO::poll_fileno, $fd, 'the same again');
{
    open my $handle, '<&=', $fd or die $!;
    close $handle or die $!;
    open my $other, '<', '/' or die $!;
    my $again = IO::AIO::poll_fileno;
    IO::AIO::aio_nop;
    vec(my $bits = '', $again, 1) = 1;
    is(select($bits, undef, undef, 5), 1, 'the program may close it, and gets a new one');
    IO::AIO::flush;
    ok(-d $other, 'other files are not touched');
    $fd = $again;
}
is(readable(0), 0, 'silent');
is(IO::AIO::nreqs + IO::AIO::nready + IO::AIO::npending, 0, 'no request');

# a loop of select
{
    my $done = 0;
    aio_stat '/', sub { $done++ } for 1 .. 10;
    IO::AIO::aio_busy(0.02, sub { $done++ });
    is(IO::AIO::nreqs, 11, 'requests');
    my $rounds = 0;
    while (IO::AIO::nreqs) {
        is(readable(10), 1, 'readable') unless $rounds++;
        readable(10);
        IO::AIO::poll_cb;
    }
    is($done, 11, 'all of them');
    IO::AIO::poll_cb;
    is(readable(0), 0, 'silent again');
}

# poll, poll_wait
{
    my $done = 0;
    IO::AIO::aio_busy(0.01, sub { $done++ });
    IO::AIO::poll_wait;
    is($done, 0, 'poll_wait calls nobody');
    is(readable(0), 1, 'but there is a result');
    is(&IO::AIO::poll_cb('an', 'argument', 'or two'), 0, 'poll_cb takes what a watcher gives');
    is($done, 1, 'and calls');
    IO::AIO::aio_busy(0.01, sub { $done++ });
    IO::AIO::poll;
    is($done, 2, 'poll waits and calls');
}

# limits of a poll
{
    my $done = 0;
    IO::AIO::max_poll_reqs(3);
    aio_nop sub { $done++ } for 1 .. 10;
    select undef, undef, undef, 0.1; # on whatever route, they are done by then
    is(IO::AIO::poll_cb, -1, 'stopped');
    is($done, 3, 'after three');
    is(readable(0), 1, 'the rest is told of');
    is(IO::AIO::nreqs, 7, 'counted');
    1 while IO::AIO::poll_cb;
    is($done, 10, 'and is done');
    IO::AIO::max_poll_reqs(0);
    IO::AIO::max_poll_time(0.001);
    $done = 0;
    aio_nop sub { $done++; select undef, undef, undef, 0.002 } for 1 .. 3;
    select undef, undef, undef, 0.1;
    is(IO::AIO::poll_cb, -1, 'stopped by time');
    is($done, 1, 'after one');
    IO::AIO::max_poll_time(0);
    IO::AIO::flush;
    is($done, 3, 'no limit');
}

# max_outstanding
{
    my $done = 0;
    IO::AIO::max_outstanding(5);
    IO::AIO::aio_busy(0.01, sub { $done++ }) for 1 .. 12;
    is(IO::AIO::nreqs, 12, 'submitting is not held');
    IO::AIO::poll_cb;
    cmp_ok(IO::AIO::nreqs, '<', 5, 'but polling is');
    IO::AIO::max_outstanding(0);
    IO::AIO::flush;
    is($done, 12, 'all of them');
}

# threads
{
    IO::AIO::min_parallel(2);
    IO::AIO::max_parallel(2);
    my $start = time;
    IO::AIO::aio_busy(0.05) for 1 .. 4;
    IO::AIO::flush;
    cmp_ok(time - $start, '>=', 0.09, 'two at a time');
    cmp_ok(IO::AIO::nthreads, '<=', 2, 'no more threads');
    IO::AIO::max_parallel(8);
    IO::AIO::min_parallel(8);
    IO::AIO::max_idle(1);
    IO::AIO::idle_timeout(1);
    IO::AIO::max_idle(4);
    IO::AIO::idle_timeout(10);
    pass('limits of idle threads');
    IO::AIO::max_parallel($_) for -1, 8;
    aio_nop;
    IO::AIO::flush;
    pass('a limit that is none');
}

# signals
{
    my $signals = 0;
    local $SIG{ALRM} = sub { $signals++ };
    Time::HiRes::alarm(0.02);
    IO::AIO::aio_busy(0.1);
    IO::AIO::flush;
    is($signals, 1, 'a signal is handled while it waits');
    local $SIG{ALRM} = sub { die "alarm\n" };
    IO::AIO::aio_busy(0.3);
    Time::HiRes::alarm(0.02);
    is(eval { IO::AIO::flush; 1 }, undef, 'and may die');
    is($@, "alarm\n", 'as it likes');
    IO::AIO::flush;
}

# reinit in the same process forgets
{
    my $done = 0;
    IO::AIO::aio_busy(0.02, sub { $done++ });
    aio_group sub { $done++ };
    my $data = 'x';
    IO::AIO::reinit;
    is(IO::AIO::poll_fileno, $fd, 'the descriptor stays');
    aio_nop sub { $done += 10 };
    IO::AIO::flush;
    is($done, 10, 'what was before is forgotten');
}

# max_parallel 0
{
    my ($name, $moved, $timed, @done) = map put(file("parallel$_"), 'data'), 1 .. 3;
    open my $fh, '<', $name or die $!;
    IO::AIO::max_parallel 0;
    {
        my $path = "$moved";    # gone when the request is executed
        aio_stat "$name", sub { push @done, "stat $_[0]" };
        aio_rename $path, "$path.new", sub { push @done, "rename $_[0]" };
        aio_utime $timed, 1, 2, sub { push @done, "utime $_[0]" };
    }
    aio_nop sub { push @done, 'nop' };
    aio_read $fh, 0, 2, my $buf, 0, sub { push @done, "read $_[0]" };
    my $cancelled = aio_nop sub { push @done, 'cancelled' };
    aio_load $name, my $data, sub { push @done, "load $_[0]" };
    is(IO::AIO::nreqs, 7, 'with max_parallel 0 requests are taken');
    is(IO::AIO::nready, 7, 'and wait');
    $cancelled->cancel;
    IO::AIO::poll_cb for 1 .. 3;
    select undef, undef, undef, 0.05;
    IO::AIO::poll_cb;
    is_deeply(\@done, [], 'nothing is executed');
    is(IO::AIO::nreqs, 6, 'what is cancelled is over');
    IO::AIO::max_parallel 1;
    IO::AIO::flush;
    is_deeply([sort @done], ['load 4', 'nop', 'read 2', 'rename 0', 'stat 0', 'utime 0'], 'then all of it');
    is("$buf $data " . (stat $timed)[9], 'da data 2', 'rightly');
    ok(-e "$moved.new" && !-e $moved, 'with paths that the program has forgotten');
    is(IO::AIO::nreqs + IO::AIO::nready, 0, 'nothing is left');
    IO::AIO::max_parallel 0;
    aio_nop sub { push @done, 'late' };
    IO::AIO::reinit;
    IO::AIO::max_parallel 8;
    IO::AIO::flush;
    is(scalar(grep $_ eq 'late', @done), 0, 'what waits is forgotten by a reinit');
    IO::AIO::max_parallel 8;
}

# reinit
{
    my $called = 0;
    IO::AIO::aio_busy 0.1, sub { $called++ } for 1 .. 3;
    aio_stat '/', sub { $called++ };
    IO::AIO::reinit;
    is(IO::AIO::nreqs, 0, 'no requests after a reinit');
    is(IO::AIO::nready + IO::AIO::npending, 0, 'nor any that wait');
    IO::AIO::flush;
    my $new = 0;
    aio_nop sub { $new++ };
    is(IO::AIO::nreqs, 1, 'a new one counts');
    IO::AIO::flush;
    is("$called $new", '0 1', 'and is called alone');
    select undef, undef, undef, 0.2;
    IO::AIO::poll_cb;
    is("$called " . IO::AIO::nreqs, '0 0', 'for good');
}

done_testing;
